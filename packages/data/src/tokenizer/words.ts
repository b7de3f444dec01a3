// Words of a text that nobody has divided: by white space and punctuation, in any script.

/** A part of a text: indices of a JavaScript string. */
export interface TextRange {
  start: number
  /** Past the last character. */
  end: number
}

/**
 * Which punctuation is a word of its own: all of it, so that `Obama's` and `AT&T-owned` come apart; or only what stands
 * at the edges of a stretch without white space, so that `U.N.` gives `U.N` and a full stop, as in most tables of words.
 */
export type PunctuationWords = 'all' | 'edges'

/** What parts words: white space, control characters, and the spaces and joiners of no width. */
const space = String.raw`\s\p{Cc}\u200b\u2060`
/** Flags and pictures with what modifies and joins them are one word. */
const picture = String.raw`[\p{Extended_Pictographic}\p{RI}][\p{Extended_Pictographic}\p{RI}\p{EMod}\p{M}\u200d\u{e0020}-\u{e007f}]*`
/** A punctuation mark or symbol, repeated or not: tokenizers have tokens for `...` and `--`. */
const symbol = String.raw`([\p{P}\p{S}])\1*`
/** Scripts without spaces: each character is a word. */
const unspaced = String.raw`\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}`
const letters = String.raw`[^${space}\p{P}\p{S}\p{RI}${unspaced}]+`
/** English endings, a word of their own in most tables of words and a token of their own in byte-level vocabularies. */
const ending = String.raw`(?<=[\p{L}\p{M}\p{N}])['’](?:s|t|re|ve|m|ll|d)(?![\p{L}\p{M}\p{N}])`
const joined = String.raw`${letters}(?:(?!${ending})[\p{P}\p{S}]+${letters})*`

const pattern = (word: string): RegExp =>
  new RegExp([picture, ending, symbol, String.raw`[${unspaced}]\p{M}*`, word].join('|'), 'gu')

const patterns: Readonly<Record<PunctuationWords, RegExp>> = { all: pattern(letters), edges: pattern(joined) }

/** The words of a text in order. @param punctuation Which punctuation is a word of its own. @default 'all' */
export const divideWords = (text: string, punctuation: PunctuationWords = 'all'): TextRange[] =>
  Array.from(text.matchAll(patterns[punctuation]), ({ index, 0: word }) => ({ start: index, end: index + word.length }))
