// What a step of the training or evaluation model gives, from its outputs.

import { termOutput } from '../artifacts/generate.ts'
import type { OrtTensor, OrtTensors } from '../runtime/ort.ts'
import type { TermMean } from './means.ts'

export interface StepResult {
  /** Mean loss of the batch: the sum of its terms. */
  loss: number
  /** The loss's terms, each with what it is a mean over: rows, labels, or the sum of their weights. */
  terms: readonly TermMean[]
  /** The model's outputs, on the host. */
  outputs: Record<string, { data: Float32Array; dims: readonly number[] }>
}

/**
 * The result of a model whose outputs are the loss and `names`' others.
 * @param counts What each term of the loss is a mean over.
 */
export function resultOf(results: OrtTensors, names: readonly string[], counts: readonly number[]): StepResult {
  const first = (name: string) => ((results[name] as OrtTensor).data as Float32Array)[0] as number
  const [loss, ...others] = names as [string, ...string[]]
  const means = counts.length === 1 ? [loss] : counts.map((_, i) => termOutput(i))
  return {
    loss: first(loss),
    terms: means.map((name, i) => ({ mean: first(name), count: counts[i] as number })),
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
