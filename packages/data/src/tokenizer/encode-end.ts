// Tokenizes no more of a long text than truncation keeps: the first tokens of a text depend on its first characters
// only. A text is cut before a word. One without words is cut anywhere: merges of BPE near such a cut may differ from
// those of the whole text, so more tokens are made than are kept.

import type { Truncation, TruncationSide } from './truncate.ts'

type Encode = (text: string) => number[]

/** Tokens beyond those that are kept: what a cut changes lies among them. */
const margin = 256
/** Characters a token; where tokens have more, more of the text is taken. */
const charactersPerToken = 16

/**
 * The tokens of a text; of a text that has many more than `length`, `length + 1` at its beginning, or at its end for
 * side 'left'. The first (or last) `length` of them are those of the whole text.
 */
export function encodeEnd(encode: Encode, text: string, end: { length: number; side: TruncationSide }): number[] {
  const wanted = end.length + margin
  for (let characters = wanted * charactersPerToken; characters < text.length / 2; characters *= 4) {
    const part = end.side === 'right' ? headOf(text, characters) : tailOf(text, characters)
    const ids = part === undefined ? [] : encode(part)
    if (ids.length <= wanted) continue
    return end.side === 'right' ? ids.slice(0, end.length + 1) : ids.slice(ids.length - end.length - 1)
  }
  return encode(text)
}

/** Before the space before a word: no token spans this place. */
const wordStart = /(?<=[^\s]) (?=[^\s])/g

/** The beginning of a text, up to a word if there is one in its second half. */
function headOf(text: string, length: number): string {
  const half = Math.floor(length / 2)
  const starts = [...text.slice(half, length + 1).matchAll(wordStart)]
  return text.slice(0, starts.length > 0 ? half + (starts.at(-1) as RegExpExecArray).index : length)
}

/**
 * The end of a text, from a word on; undefined if there is none in its first half. Tokens are made from the left: a
 * long run of one character has others where it begins elsewhere.
 */
function tailOf(text: string, length: number): string | undefined {
  const from = text.length - length
  const start = text.slice(from - 1, from + Math.floor(length / 2)).search(wordStart)
  return start < 0 ? undefined : text.slice(from - 1 + start)
}

/**
 * The tokens of both texts of a pair, as {@link encodeEnd} has them where the lengths beyond that change nothing: the
 * whole of the text that is not truncated, and of two long ones whose order of lengths decides where an odd token goes.
 */
export function pairEnds(
  encode: Encode,
  endsOf: Encode,
  [first, second]: readonly [string, string],
  { maxLength, strategy }: Truncation,
): [number[], number[]] {
  if (strategy === 'only_first') return [endsOf(first), encode(second)]
  if (strategy === 'only_second') return [encode(first), endsOf(second)]
  const ends: [number[], number[]] = [endsOf(first), endsOf(second)]
  const undecided = maxLength % 2 === 1 && ends.every(({ length }) => length > maxLength)
  return undecided ? [encode(first), encode(second)] : ends
}
