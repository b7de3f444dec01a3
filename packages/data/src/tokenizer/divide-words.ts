// Splits a text into words by white space and punctuation, in any script.

import { requireKind } from '@cola/graph/door'

/** A range of a text, as indices of a JavaScript string. */
export interface TextRange {
  start: number
  /** Past the last character. */
  end: number
}

/**
 * Which punctuation marks are separate words: all, so that `AT&T-owned` is split; or only those at the ends of a
 * sequence without white space, so that `U.N.` becomes `U.N` and a full stop, as in most data sets of words.
 */
export type PunctuationWords = 'all' | 'edges'

/** Separators: white space, control characters, and zero-width spaces and joiners. */
const space = String.raw`\s\p{Cc}\u200b\u2060`
/** A sequence of pictographs and flags, with their modifiers and joiners, is one word. */
const pictograph = String.raw`\p{Extended_Pictographic}\p{RI}`
const picture = String.raw`[${pictograph}][${pictograph}\p{EMod}\p{M}\u200d\u{e0020}-\u{e007f}]*`
/** A punctuation mark or symbol with its repetitions: tokenizers have tokens for `...` and `--`. */
const symbol = String.raw`([\p{P}\p{S}])\1*`
/** Scripts without spaces: each character is a word. */
const unspaced =
  String.raw`\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}` + String.raw`\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}`
const letters = String.raw`[^${space}\p{P}\p{S}\p{RI}${unspaced}]+`
/** English clitics: separate words in most data sets of words, and separate tokens in byte-level vocabularies. */
const ending = String.raw`(?<=[\p{L}\p{M}\p{N}])['’](?:s|t|re|ve|m|ll|d)(?![\p{L}\p{M}\p{N}])`
const joined = String.raw`${letters}(?:(?!${ending})[\p{P}\p{S}]+${letters})*`

const pattern = (word: string): RegExp =>
  new RegExp([picture, ending, symbol, String.raw`[${unspaced}]\p{M}*`, word].join('|'), 'gu')

const patterns: Readonly<Record<PunctuationWords, RegExp>> = { all: pattern(letters), edges: pattern(joined) }

/** The words of a text in order. @param punctuation Punctuation marks that are separate words. @default 'all' */
export const divideWords = (text: string, punctuation: PunctuationWords = 'all'): TextRange[] => {
  requireKind('divideWords, text', text, 'text')
  return Array.from(text.matchAll(patterns[punctuation]), ({ index, 0: word }) => ({
    start: index,
    end: index + word.length,
  }))
}
