// Tensors of a session's state: parameters, gradient buffers and optimizer state, by block.

import { elementCount, type Tensor, toFloat32 } from '@cola/graph'
import { type Block, joinTensors } from '../artifacts/blocks.ts'
import { gradientBuffer, type TrainingArtifacts } from '../artifacts/training-artifacts.ts'
import { freeMemory } from '../runtime/free-memory.ts'
import { OrtTensor, type OrtTensors } from '../runtime/ort.ts'

/** Copies of float32 tensors on the host. */
export function hostTensors(tensors: ReadonlyMap<string, Tensor>): OrtTensors {
  return Object.fromEntries(
    [...tensors].map(([name, data]) => [name, new OrtTensor('float32', toFloat32(data).slice(), data.dims)]),
  )
}

/** Name of a parameter's or block's state tensor in an optimizer's slot; without a slot, its own name. */
export const stateName = (name: string, slot?: string): string => (slot === undefined ? name : `${name}.${slot}`)

/** Joins the parameters' tensors, or their state in a slot, into tensors by block. */
export const joinAll = (
  blocks: readonly Block[],
  tensors: ReadonlyMap<string, Tensor>,
  slot?: string,
): Map<string, Tensor> =>
  new Map(
    blocks.map((block) => [
      stateName(block.name, slot),
      joinTensors(block, (name) => tensors.get(stateName(name, slot)) as Tensor),
    ]),
  )

/** Shapes of all blocks and of their state, by name. */
export const blockTensors = ({ blocks, stateSlots }: TrainingArtifacts): Map<string, Pick<Block, 'dims'>> =>
  new Map(
    [undefined, ...stateSlots].flatMap((slot) => blocks.map((block) => [stateName(block.name, slot), block] as const)),
  )

/** Zeros with the blocks' shapes, under `rename(name)`. */
function zeroTensors(blocks: readonly Block[], rename: (name: string) => string): OrtTensors {
  return Object.fromEntries(
    blocks.map(({ name, dims }) => [
      rename(name),
      new OrtTensor('float32', new Float32Array(elementCount(dims)), dims),
    ]),
  )
}

/** The initial values of the parameters, and zeros for the gradient buffers and the optimizer's state. */
export const initialTensors = ({
  blocks,
  parameters,
  stateSlots,
}: TrainingArtifacts): Record<'parameters' | 'buffers' | 'state', OrtTensors> => ({
  parameters: hostTensors(joinAll(blocks, parameters)),
  buffers: zeroTensors(blocks, gradientBuffer),
  state: Object.assign({}, ...stateSlots.map((slot) => zeroTensors(blocks, (name) => stateName(name, slot)))),
})

/** Frees the memory of a tensor that nothing will read again, on the device or here. */
export function dispose(tensor: OrtTensor | undefined): void {
  if (!tensor) return
  if (tensor.location === 'cpu') freeMemory(tensor.data as Float32Array)
  else tensor.dispose()
}
