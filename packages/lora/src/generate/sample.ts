// Chooses the next token from logits. Option names and their order are those of transformers' GenerationConfig and its
// LogitsProcessorList: repetition_penalty, temperature, top_k, top_p, min_p.

import { requireKind } from '@cola/graph/door'
import type { Random } from '@cola/data'
import { type Checks, checkOptions, flag, positive, share, whole } from '@cola/graph/options'

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

/** The values of options that choose among samples at which they change nothing. */
const neutral = { temperature: 1, top_k: 0, top_p: 1, min_p: 0 } as const

/** What is to be said of options that the most probable token does not need, if there are any. */
export function ignoredOptions({ do_sample, ...options }: SampleOptions): string | undefined {
  if (do_sample) return undefined
  const names = (Object.keys(neutral) as (keyof typeof neutral)[]).filter(
    (name) => options[name] !== undefined && options[name] !== neutral[name],
  )
  const several = names.length > 1
  return names.length === 0
    ? undefined
    : `generate: ${names.join(' and ')} ${several ? 'choose' : 'chooses'} among samples, and ${
        several ? 'are' : 'is'
      } ignored without do_sample: true`
}

/** Scores of the tokens of a vocabulary by rank, from 0, the greatest; of equal scores the lower id is first. */
export interface RankedScores {
  /** Number of tokens. */
  readonly count: number
  /** Id of the token of a rank. */
  readonly id: (rank: number) => number
  /** Its score. */
  readonly score: (rank: number) => number
  /** Sum of exp((score - greatest score) / temperature) over all tokens. */
  readonly mass: (temperature: number) => number
}

/**
 * Chooses a token. Of equal logits the lower id ranks first.
 * @param logits Of all tokens, by id or by rank; by rank they have no `repetition_penalty`.
 * @param text The tokens before it, for `repetition_penalty`. @default none
 * @throws {ConfigError} for an option that is unknown or out of its range.
 */
export function nextToken(
  logits: Float32Array | RankedScores,
  options: SampleOptions,
  stream: Random,
  text: readonly number[] = [],
): number {
  checkOptions('nextToken', options, sampleChecks)
  requireKind('nextToken, logits', logits, 'object')
  const { do_sample = false, repetition_penalty = 1, temperature = 1 } = options
  if (!(logits instanceof Float32Array)) return do_sample ? sampled(logits, options, stream) : logits.id(0)
  const scores = repetition_penalty === 1 ? logits : penalized(logits, text, repetition_penalty)
  return do_sample ? sampled(ranked(scores, temperature), options, stream) : greatestIndex(scores)
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

function sampled(scores: RankedScores, options: SampleOptions, stream: Random): number {
  const { count, weight, mass } = candidates(scores, options)
  let remainder = stream.uniform() * mass
  for (let rank = 0; rank < count; rank++) {
    remainder -= weight(rank)
    if (remainder < 0) return scores.id(rank)
  }
  // The runtime's mass, a sum in float32, may be greater than that of all weights: the rest is no share of the last one.
  return scores.id(0)
}

/** How many tokens to sample from, most probable first, with weights in proportion to their probabilities. */
function candidates(scores: RankedScores, { temperature = 1, top_k = 0, top_p = 1, min_p = 0 }: SampleOptions) {
  const greatest = scores.score(0)
  const weight = (rank: number): number => Math.exp((scores.score(rank) - greatest) / temperature)
  const sum = (count: number): number => {
    let total = 0
    for (let rank = 0; rank < count; rank++) total += weight(rank)
    return total
  }
  let count = top_k > 0 ? Math.min(top_k, scores.count) : scores.count
  let mass = top_k > 0 ? sum(count) : scores.mass(temperature)
  if (top_p < 1 || min_p > 0) {
    // Nucleus sampling keeps the first weights whose share reaches p (Holtzman et al. 2020); the greatest weight is 1.
    let [kept, total] = [0, 0]
    const isIn = () => (top_p >= 1 || total < top_p * mass) && (kept === 0 || weight(kept) >= min_p)
    while (kept < count && isIn()) total += weight(kept++)
    ;[count, mass] = [kept, total]
  }
  return { count, weight, mass }
}

/** How far below the greatest score the first band of a ranking reaches, in temperatures: a weight of e^-4. */
const firstBand = 4

/** The weights of scores that lie further below are zero: e^-745 is the smallest number. */
const lastBand = 745

/** Above the ids of all vocabularies; a float's 31 bits times it, plus an id, is a number without rounding. */
const ids21 = 2 ** 21

/**
 * Ranks scores. They are sorted in bands, each twice as deep as those before it together: a token is mostly among the
 * first few hundred of a vocabulary.
 * @param temperature By which they will be divided.
 */
export function ranked(scores: Float32Array, temperature: number): RankedScores {
  const greatest = scores[greatestIndex(scores)] as number
  const bits = new Int32Array(scores.buffer, scores.byteOffset, scores.length)
  /** Sorted as numbers, the keys are in the order of ranks: the bits of floats of one sign are in the floats' order. */
  const key = (id: number): number => {
    const own = bits[id] as number
    return (own < 0 ? own + 2 ** 31 : -own) * ids21 + id
  }
  const idOf = (key: number): number => ((key % ids21) + ids21) % ids21
  const ids: number[] = []
  let [above, depth] = [Number.POSITIVE_INFINITY, firstBand * temperature]
  const id = (rank: number): number => {
    while (ids.length <= rank && above > Number.NEGATIVE_INFINITY) {
      const least = depth > lastBand * temperature ? Number.NEGATIVE_INFINITY : greatest - depth
      const band: number[] = []
      for (let id = 0; id < scores.length; id++) {
        const score = scores[id] as number
        if (score < above && score >= least) band.push(key(id))
      }
      for (const found of Float64Array.from(band).sort()) ids.push(idOf(found))
      ;[above, depth] = [least, 2 * depth]
    }
    // Scores that are not numbers have no rank.
    return ids[rank] ?? 0
  }
  return {
    count: scores.length,
    id,
    score: (rank) => scores[id(rank)] as number,
    mass: (divisor) => {
      let total = 0
      // Half the time of reduce.
      for (let i = 0; i < scores.length; i++) total += Math.exp(((scores[i] as number) - greatest) / divisor)
      return total
    },
  }
}
