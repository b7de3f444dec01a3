// Chooses the next token from logits. Option names are those of transformers' GenerationConfig.

import type { Random } from '@cola/data'

/** How the next token is chosen: greedy, temperature, top-k, top-p. */
export interface SampleOptions {
  /** Sample the token instead of taking the most probable one. @default false */
  do_sample?: boolean
  /** Divides the logits. @default 1 */
  temperature?: number
  /** Number of most probable tokens to sample from; 0: all. @default 0 */
  top_k?: number
  /** Sample from the smallest set of most probable tokens whose probabilities sum to at least this. @default 1 */
  top_p?: number
}

/** Chooses a token. Of equal logits the lower id ranks first. */
export function nextToken(
  logits: Float32Array,
  { do_sample = false, temperature = 1, top_k = 0, top_p = 1 }: SampleOptions,
  stream: Random,
): number {
  if (!do_sample) return logits.indexOf(logits.reduce((a, b) => Math.max(a, b)))
  const order = Array.from(logits.keys()).sort((a, b) => (logits[b] as number) - (logits[a] as number) || a - b)
  const kept = top_k > 0 ? order.slice(0, top_k) : order
  const greatest = logits[kept[0] as number] as number
  const weights = kept.map((id) => Math.exp(((logits[id] as number) - greatest) / temperature))
  const nucleus = nucleusOf(weights, top_p)
  let remainder = stream.uniform() * nucleus.reduce((a, b) => a + b, 0)
  const index = nucleus.findIndex((weight) => {
    remainder -= weight
    return remainder < 0
  })
  return kept[index < 0 ? nucleus.length - 1 : index] as number
}

/** Nucleus sampling: the first weights whose share of the sum reaches p, inclusive (Holtzman et al. 2020). */
function nucleusOf(weights: readonly number[], p: number): readonly number[] {
  if (p >= 1) return weights
  const total = weights.reduce((a, b) => a + b, 0)
  let sum = 0
  const last = weights.findIndex((weight) => {
    sum += weight / total
    return sum >= p
  })
  return weights.slice(0, last + 1)
}
