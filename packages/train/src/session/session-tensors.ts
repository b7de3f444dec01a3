// The tensors of a training session, by block: parameters, gradient buffers and optimizer state. Outside they are known by
// parameter.

import type { Tensor } from '@cola/graph'
import { splitTensors } from '../artifacts/blocks.ts'
import { gradientBuffer, gradientOutput, type TrainingArtifacts } from '../artifacts/training-artifacts.ts'
import type { OrtTensor, OrtTensors } from '../runtime/ort.ts'
import type { Calls } from './calls.ts'
import { dispose, hostTensors, initialTensors, joinAll, stateName } from './state-tensors.ts'

/** Holds the tensors. What is replaced is freed when no call reads it any more. */
export class SessionTensors {
  readonly parameters: OrtTensors
  readonly buffers: OrtTensors
  readonly state: OrtTensors
  readonly #artifacts: TrainingArtifacts
  readonly #calls: Calls

  /** The initial values of the parameters; all others are zeros. */
  constructor(artifacts: TrainingArtifacts, calls: Calls) {
    this.#artifacts = artifacts
    this.#calls = calls
    ;({ parameters: this.parameters, buffers: this.buffers, state: this.state } = initialTensors(artifacts))
  }

  /** The gradients, under the blocks' names. */
  get gradients(): OrtTensors {
    return Object.fromEntries(
      this.#artifacts.blocks.map(({ name }) => [name, this.buffers[gradientBuffer(name)] as OrtTensor]),
    )
  }

  /** Sets the parameters from tensors by parameter. */
  setParameters(tensors: ReadonlyMap<string, Tensor>): void {
    this.#replace(this.parameters, joinAll(this.#artifacts.blocks, tensors))
  }

  /** Sets the optimizer's state from tensors by parameter and slot. */
  setState(tensors: ReadonlyMap<string, Tensor>): void {
    const { blocks, stateSlots } = this.#artifacts
    for (const slot of stateSlots) this.#replace(this.state, joinAll(blocks, tensors, slot))
  }

  /** Sets the gradients from the results of a training step. */
  setGradients(results: OrtTensors): void {
    for (const { name } of this.#artifacts.blocks)
      this.#exchange(this.buffers, gradientBuffer(name), results[gradientOutput(name)] as OrtTensor)
  }

  /** Copies of tensors on the host, by parameter: parameters under the blocks' names, or their state in a slot. */
  split(tensors: OrtTensors, slot?: string): Map<string, Tensor> {
    const { blocks, parameters } = this.#artifacts
    const parts = new Map(
      blocks.flatMap((block) =>
        splitTensors(block.parts, (tensors[stateName(block.name, slot)] as OrtTensor).data as Float32Array),
      ),
    )
    return new Map([...parameters.keys()].map((name) => [name, parts.get(name) as Tensor]))
  }

  /** Replaces tensors by tensors from the host, by name. */
  #replace(tensors: OrtTensors, values: ReadonlyMap<string, Tensor>): void {
    for (const [name, value] of Object.entries(hostTensors(values))) this.#exchange(tensors, name, value)
  }

  /** Puts a tensor in the place of another, which is freed. */
  #exchange(tensors: OrtTensors, name: string, value: OrtTensor): void {
    const before = tensors[name]
    tensors[name] = value
    this.#calls.afterReads(() => dispose(before))
  }
}
