// Chooses the next token from logits. Option names and their order are those of transformers' GenerationConfig and its
// LogitsProcessorList: repetition_penalty, temperature, top_k, top_p, min_p.

import type { Random } from '@cola/data'
import { type Checks, flag, positive, share, whole } from '@cola/train/options'

/** How the next token is chosen. */
export interface SampleOptions {
  /** Sample the token instead of taking the most probable one. @default false */
  do_sample?: boolean
  /** Divides the logits. @default 1 */
  temperature?: number
  /** Number of most probable tokens to sample from; 0: all. @default 0 */
  top_k?: number
  /** Sample from the smallest set of most probable tokens whose probabilities sum to at least this. @default 1 */
  top_p?: number
  /** Sample from tokens of at least this share of the greatest probability. @default 0 */
  min_p?: number
  /**
   * Divides the positive logits of tokens that the text has, and multiplies the negative ones (Keskar et al. 2019).
   * @default 1
   */
  repetition_penalty?: number
}

export const sampleChecks: Checks<SampleOptions> = {
  do_sample: flag,
  temperature: positive,
  top_k: whole(0),
  top_p: ['a number above 0, at most 1', (p) => typeof p === 'number' && p > 0 && p <= 1],
  min_p: share,
  repetition_penalty: positive,
}

/**
 * Chooses a token. Of equal logits the lower id ranks first.
 * @param text The tokens before it, for `repetition_penalty`. @default none
 */
export function nextToken(
  logits: Float32Array,
  options: SampleOptions,
  stream: Random,
  text: readonly number[] = [],
): number {
  const { do_sample = false, repetition_penalty = 1 } = options
  const scores = repetition_penalty === 1 ? logits : penalized(logits, text, repetition_penalty)
  return do_sample ? sampled(scores, options, stream) : greatestIndex(scores)
}

function penalized(logits: Float32Array, text: readonly number[], penalty: number): Float32Array {
  const scores = logits.slice()
  for (const id of new Set(text)) {
    const score = scores[id] as number
    scores[id] = score < 0 ? score * penalty : score / penalty
  }
  return scores
}

function greatestIndex(scores: Float32Array): number {
  let best = 0
  for (let i = 1; i < scores.length; i++) if ((scores[i] as number) > (scores[best] as number)) best = i
  return best
}

function sampled(scores: Float32Array, options: SampleOptions, stream: Random): number {
  const { ids, weights, mass } = candidates(scores, options)
  let remainder = stream.uniform() * mass
  for (let i = 0; ; i++) {
    remainder -= weights(i)
    if (remainder < 0 || i + 1 === ids.count) return ids.at(i)
  }
}

/** The tokens to sample from, most probable first, with weights in proportion to their probabilities. */
function candidates(scores: Float32Array, { temperature = 1, top_k = 0, top_p = 1, min_p = 0 }: SampleOptions) {
  const greatest = scores[greatestIndex(scores)] as number
  const weight = (score: number): number => Math.exp((score - greatest) / temperature)
  const ranks = ranking(scores)
  const weights = (i: number): number => weight(scores[ranks(i)] as number)
  const sum = (count: number): number => {
    let total = 0
    for (let i = 0; i < count; i++) total += weights(i)
    return total
  }
  let count = top_k > 0 ? Math.min(top_k, scores.length) : scores.length
  let mass = top_k > 0 ? sum(count) : scores.reduce((total, score) => total + weight(score), 0)
  if (top_p < 1 || min_p > 0) {
    // Nucleus sampling keeps the first weights whose share reaches p (Holtzman et al. 2020); the greatest weight is 1.
    let [kept, total] = [0, 0]
    const isIn = () => (top_p >= 1 || total < top_p * mass) && (kept === 0 || weights(kept) >= min_p)
    while (kept < count && isIn()) total += weights(kept++)
    ;[count, mass] = [kept, total]
  }
  return { ids: { at: ranks, count }, weights, mass }
}

/** The index of the i-th greatest score, as a function: a heap gives the first ones without sorting a vocabulary. */
function ranking(scores: Float32Array): (i: number) => number {
  const before = (a: number, b: number): boolean => {
    const [x, y] = [scores[a] as number, scores[b] as number]
    return x > y || (x === y && a < b)
  }
  let size = scores.length
  const heap = new Int32Array(size)
  // An iterator, scores.keys(), would take longer than the heap does.
  for (let i = 0; i < size; i++) heap[i] = i
  const sink = (from: number): void => {
    const id = heap[from] as number
    let at = from
    for (let child = 2 * at + 1; child < size; child = 2 * at + 1) {
      if (child + 1 < size && before(heap[child + 1] as number, heap[child] as number)) child++
      if (!before(heap[child] as number, id)) break
      heap[at] = heap[child] as number
      at = child
    }
    heap[at] = id
  }
  for (let i = (size >> 1) - 1; i >= 0; i--) sink(i)
  const ranked: number[] = []
  return (i) => {
    while (ranked.length <= i) {
      ranked.push(heap[0] as number)
      size--
      heap[0] = heap[size] as number
      sink(0)
    }
    return ranked[i] as number
  }
}
