// The next token from its logits. Option names are transformers' GenerationConfig's.

import type { Random } from '@cola/data'

export interface SampleOptions {
  /** Draw the token instead of taking the likeliest. @default false */
  do_sample?: boolean
  /** Divides the logits. @default 1 */
  temperature?: number
  /** Keep only so many of the likeliest tokens; 0: all. @default 0 */
  top_k?: number
  /** Keep only the likeliest tokens whose probabilities together reach this. @default 1 */
  top_p?: number
}

/** Chooses a token. With equal logits the lower id is the likelier. */
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
  const nucleus = within(weights, top_p)
  let rest = stream.uniform() * nucleus.reduce((a, b) => a + b, 0)
  const place = nucleus.findIndex((weight) => {
    rest -= weight
    return rest < 0
  })
  return kept[place < 0 ? nucleus.length - 1 : place] as number
}

/** The first weights whose share of all reaches p; the one that reaches it is kept (Holtzman et al. 2020). */
function within(weights: readonly number[], p: number): readonly number[] {
  if (p >= 1) return weights
  const total = weights.reduce((a, b) => a + b, 0)
  let sum = 0
  const last = weights.findIndex((weight) => {
    sum += weight / total
    return sum >= p
  })
  return weights.slice(0, last + 1)
}
