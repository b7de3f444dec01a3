// What training changes: parameters, gradient buffers and optimizer state, on the host or on the device.

import { createGraph, addInput, build, elementCount, type Graph, type Tensor, toFloat32 } from '@cola/graph'
import { type Block, joinTensors } from '../artifacts/blocks.ts'
import type { TrainingArtifacts } from '../artifacts/generate.ts'
import { type OrtSession, OrtTensor, type OrtTensors } from '../runtime/ort.ts'

/** float32 tensors by name, copied. */
export function hostTensors(tensors: ReadonlyMap<string, Tensor>): OrtTensors {
  return Object.fromEntries(
    [...tensors].map(([name, data]) => [name, new OrtTensor('float32', toFloat32(data).slice(), data.dims)]),
  )
}

/** Name of the state that an optimizer keeps in a slot for a parameter or a block; without a slot, of itself. */
export const stateName = (name: string, slot?: string): string => (slot === undefined ? name : `${name}.${slot}`)

/** Tensors by parameter, or their state of a slot, as tensors by block. */
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

/** Shapes of all blocks and their state, by name. */
export const blockTensors = ({ blocks, stateSlots }: TrainingArtifacts): Map<string, Pick<Block, 'dims'>> =>
  new Map(
    [undefined, ...stateSlots].flatMap((slot) => blocks.map((block) => [stateName(block.name, slot), block] as const)),
  )

/** Zeros of the shapes of blocks under `rename(name)`. */
export function zeroTensors(blocks: readonly Block[], rename: (name: string) => string): OrtTensors {
  return Object.fromEntries(
    blocks.map(({ name, dims }) => [
      rename(name),
      new OrtTensor('float32', new Float32Array(elementCount(dims)), dims),
    ]),
  )
}

/** Releases device memory of a tensor that nothing will read again. */
export function dispose(tensor: OrtTensor | undefined): void {
  if (tensor && tensor.location !== 'cpu') tensor.dispose()
}

/**
 * A graph that copies its inputs: run with outputs on the host it brings device tensors back, the one way that works
 * everywhere.
 */
export function downloadGraph(tensors: ReadonlyMap<string, Pick<Block, 'dims'>>): Graph {
  const graph = createGraph('download')
  const g = build(graph)
  for (const [name, { dims }] of tensors) {
    const value = addInput(graph, name, 'float32', dims)
    g.node('Identity', [value], { outputs: [`${name}.out`] })
    graph.outputs.push(`${name}.out`)
  }
  return graph
}

/** Runs {@link downloadGraph}'s session. */
export async function download(session: OrtSession, tensors: OrtTensors): Promise<OrtTensors> {
  const results = await session.run(tensors)
  return Object.fromEntries(Object.keys(tensors).map((name) => [name, results[`${name}.out`] as OrtTensor]))
}
