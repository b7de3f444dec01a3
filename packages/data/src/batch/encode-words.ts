// Encodes rows of words as rows of token ids, with the word of each token.

import { type Checks, checkOptions, text } from '@cola/graph/options'
import { DataError } from '../errors.ts'
import { describeValue, requireList, rowPlace } from '../source/row-checks.ts'
import { type EncodeContent, piecesInText, piecesOfWords, type WordPieces } from '../tokenizer/word-pieces.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import { roomFor, type TruncationSide } from '../tokenizer/truncate.ts'
import type { TextRange } from '../tokenizer/divide-words.ts'
import { checkedRows, encodeChecks, type EncodeOptions, requireTokenizer, type TokenSequence } from './encode-texts.ts'

/** A sentence as words, or a text with the ranges of its words in order. */
export type WordInput = { words: readonly string[] } | { text: string; ranges: readonly TextRange[] }

/** Token ids of a text that is given as words, with the word of each token. */
export interface WordSequence extends TokenSequence {
  /** `[token]`: index of the token's word; null for special tokens and white space. transformers' word_ids. */
  word_ids: readonly (number | null)[]
}

/** Options of {@link encodeWords}. */
export interface EncodeWordsOptions extends Omit<EncodeOptions, 'truncation_strategy' | 'add_special_tokens'> {
  /** Name of the rows, for errors. @default 'rows' */
  where?: string
}

const { truncation_strategy: _, add_special_tokens: __, ...sharedChecks } = encodeChecks
const checks: Checks<EncodeWordsOptions> = { where: text, ...sharedChecks }

/**
 * Encodes words like transformers with `is_split_into_words`, and texts as a whole, with the word of each token. Words
 * get a space before them if the tokenizer needs one. Rows that are too long are truncated between words, without their
 * special tokens; a word may have no tokens, because of truncation or of the tokenizer.
 * @returns The rows, and the number of truncated ones.
 * @throws {DataError} naming the row: no words, an empty word, and the errors of {@link encodeTexts}.
 * @throws {ConfigError} for an option that is unknown or out of its range.
 */
export function encodeWords(
  tokenizer: Tokenizer,
  rows: readonly WordInput[],
  options: EncodeWordsOptions = {},
): { rows: WordSequence[]; truncated: number } {
  checkOptions('encodeWords', options, checks)
  requireTokenizer(tokenizer)
  requireList(rows, 'rows')
  const { where: name = 'rows', ...encoding } = options
  const content: EncodeContent = (text) => tokenizer.encode(text, { add_special_tokens: false })
  const encodeWord = memo(content)
  const { max_length = Number.POSITIVE_INFINITY, truncation_side = tokenizer.truncationSide } = options
  const room = roomFor(max_length, tokenizer.buildInputs([]).input_ids.length)
  return checkedRows(rows, encoding, (row, i) => {
    const where = rowPlace(name, i)
    const pieces =
      'words' in row
        ? piecesOfWords(encodeWord, requireWords(row.words, where))
        : piecesInText(memo(content), row.text, row.ranges)
    const kept = truncateWords(pieces, room, truncation_side)
    const ids = kept.flatMap((piece) => [...piece.ids])
    const { start, ...built } = tokenizer.buildInputs(ids)
    const word_ids = built.input_ids.map((): number | null => null)
    word_ids.splice(start, ids.length, ...kept.flatMap((piece) => piece.ids.map(() => piece.word)))
    const overflow = pieces.reduce((sum, piece) => sum + piece.ids.length, 0) - ids.length
    return { encoding: { ...built, overflow }, more: { word_ids }, where }
  })
}

/** Checks words. @throws {DataError} naming the word, if they are not an array of strings that are not blank. */
function requireWords(words: unknown, where: string): readonly string[] {
  const refuse = (at: string, what: string, found: unknown): never => {
    const expected = 'an array of strings, none of them empty'
    throw new DataError({
      where: `${where}, field "words"${at}`,
      what,
      expected,
      found: describeValue(found),
    })
  }
  if (!Array.isArray(words) || words.length === 0) return refuse('', 'no words', words)
  words.forEach((word, i) => {
    if (typeof word !== 'string') refuse(`, word ${i + 1}`, 'not a word', word)
    if (word.trim() === '') refuse(`, word ${i + 1}`, 'an empty word', word)
  })
  return words
}

/** The first words that fit, or with side 'left' the last ones; of a word that is too long alone, its first tokens. */
function truncateWords(pieces: readonly WordPieces[], room: number, side: TruncationSide): readonly WordPieces[] {
  const order = side === 'right' ? pieces : pieces.toReversed()
  const kept: WordPieces[] = []
  let left = room
  for (const piece of order) {
    if (piece.ids.length > left) {
      const hasWord = kept.some(({ word, ids }) => word !== null && ids.length > 0)
      if (!hasWord && left > 0) kept.push({ ...piece, ids: piece.ids.slice(0, left) })
      break
    }
    kept.push(piece)
    left -= piece.ids.length
  }
  return side === 'right' ? kept : kept.toReversed()
}

/** An encoder with a cache: the same words, and beginnings of a text, are encoded many times. */
function memo(encode: EncodeContent): EncodeContent {
  const cache = new Map<string, readonly number[]>()
  return (text) => {
    const ids = cache.get(text) ?? encode(text)
    cache.set(text, ids)
    return ids
  }
}
