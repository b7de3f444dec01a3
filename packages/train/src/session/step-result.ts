// The result of a step: loss, terms and outputs, from the outputs of the training or evaluation model.

import { termOutput } from '../artifacts/training-artifacts.ts'
import type { OrtTensor, OrtTensors } from '../runtime/ort.ts'
import type { TermMean } from './loss-means.ts'

/** What a training or evaluation step gives. */
export interface StepResult {
  /** Mean loss of the batch: the sum of its terms. */
  loss: number
  /** The loss's terms, each with its count: rows, labels, or the sum of their weights. */
  terms: readonly TermMean[]
  /** The model's outputs, on the host. */
  outputs: Record<string, { data: Float32Array; dims: readonly number[] }>
}

/**
 * The result of a run.
 * @param names Outputs of the model: the loss, then the others.
 * @param counts The count of each term of the loss: {@link lossCounts}.
 */
export function stepResultOf(results: OrtTensors, names: readonly string[], counts: readonly number[]): StepResult {
  const scalarOf = (name: string) => ((results[name] as OrtTensor).data as Float32Array)[0] as number
  const [loss, ...others] = names as [string, ...string[]]
  const means = counts.length === 1 ? [loss] : counts.map((_, i) => termOutput(i))
  return {
    loss: scalarOf(loss),
    terms: means.map((name, i) => ({ mean: scalarOf(name), count: counts[i] as number })),
    outputs: Object.fromEntries(
      others
        .filter((name) => !means.includes(name))
        .map((name) => [
          name,
          { data: (results[name] as OrtTensor).data as Float32Array, dims: (results[name] as OrtTensor).dims },
        ]),
    ),
  }
}
