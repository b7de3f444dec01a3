// Truncates one or two token sequences like the tokenizers library (tokenizers/src/utils/truncation.rs).

import { DataError } from '../errors.ts'

/** The side of a text that is cut: transformers' `truncation_side`. */
export type TruncationSide = 'left' | 'right'
/** Which text of a pair is cut: transformers' names of strategies. */
export type TruncationStrategy = 'longest_first' | 'only_first' | 'only_second'

export interface Truncation {
  /** Maximum number of tokens. */
  maxLength: number
  /** Side from which tokens are removed. */
  side: TruncationSide
  /** Which text of a pair is truncated. It does not apply to single texts. */
  strategy: TruncationStrategy
}

type Sequences = readonly [first: readonly number[], second: readonly number[]]

/**
 * Truncates two sequences to `maxLength` tokens together.
 * @throws {DataError} when the text that the strategy truncates is too short.
 */
export function truncatePair([first, second]: Sequences, { maxLength, side, strategy }: Truncation): Sequences {
  if (first.length + second.length <= maxLength) return [first, second]
  const [m, n] = maxLength === 0 ? [0, 0] : lengthsAfter[strategy](first.length, second.length, maxLength)
  if (
    m < 0 ||
    n < 0 ||
    (maxLength > 0 && ((strategy === 'only_first' && m === 0) || (strategy === 'only_second' && n === 0)))
  )
    throw new DataError({
      where: `truncation strategy ${strategy}`,
      what: 'the text that is to be cut is too short',
      expected: `more than ${first.length + second.length - maxLength} tokens`,
      found: String(strategy === 'only_first' ? first.length : second.length),
      fix: "Use 'longest_first', or a larger max_length.",
    })
  return [truncate(first, m, side), truncate(second, n, side)]
}

/**
 * Maximum number of tokens of a text, or of both texts of a pair, without special tokens.
 * @param added Number of special tokens.
 * @throws {DataError} for a max_length that is not a number of tokens, or smaller than the number of special tokens.
 */
export function roomFor(max_length: number, added: number): number {
  if ((Number.isInteger(max_length) || max_length === Number.POSITIVE_INFINITY) && max_length >= Math.max(1, added))
    return max_length - added
  throw new DataError({
    where: 'option max_length',
    what: added > 0 ? 'no number of tokens that holds the special tokens' : 'no number of tokens',
    expected: `an integer of at least ${Math.max(1, added)}`,
    found: String(max_length),
  })
}

/** The first `length` tokens of a sequence, or with side 'left' the last ones. */
export const truncate = (ids: readonly number[], length: number, side: TruncationSide): readonly number[] =>
  ids.length <= length ? ids : side === 'right' ? ids.slice(0, length) : ids.slice(ids.length - length)

/** Lengths of two texts of m and n tokens after truncation to k tokens. */
const lengthsAfter: Readonly<Record<TruncationStrategy, (m: number, n: number, k: number) => [number, number]>> = {
  only_first: (_, n, k) => [k - n, n],
  only_second: (m, _, k) => [m, k - m],
  longest_first: (m, n, k) => {
    const shorter = Math.min(m, n)
    const [s, l] = 2 * shorter <= k ? [shorter, k - shorter] : [Math.floor(k / 2), Math.ceil(k / 2)]
    return m > n ? [l, s] : [s, l]
  },
}
