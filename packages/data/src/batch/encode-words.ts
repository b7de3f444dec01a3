// Rows of words to rows of token ids, with the word that each token is of.

import { DataError } from '../errors.ts'
import { describeValue, rowPlace } from '../source/row-checks.ts'
import { type EncodeContent, piecesInText, piecesOfWords, type WordPieces } from '../tokenizer/pieces.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import { roomFor, type TruncationSide } from '../tokenizer/truncate.ts'
import type { TextRange } from '../tokenizer/words.ts'
import { checkedRows, type EncodeOptions, type TokenSequence } from './encode.ts'

/** A sentence that is divided into words, or a text with the places of its words in order. */
export type WordInput = { words: readonly string[] } | { text: string; ranges: readonly TextRange[] }

export interface WordSequence extends TokenSequence {
  /** [token]: index of the word that a token is of; null for special tokens and white space. transformers' word_ids. */
  word_ids: readonly (number | null)[]
}

export interface EncodeWordsOptions extends Omit<EncodeOptions, 'truncation_strategy' | 'add_special_tokens'> {
  /** What the rows are called in errors. @default 'rows' */
  where?: string
}

/**
 * Encodes words as transformers does with `is_split_into_words`, and texts as a whole, with the word of each token.
 * A tokenizer that needs the space before a word is given it. Rows that are too long are cut between words, special
 * tokens stay; a word may be left without tokens, cut off or without any.
 * @returns The rows, and how many were cut.
 * @throws {DataError} naming the row: no words, an empty word, and what {@link encodeTexts} throws.
 */
export function encodeWords(
  tokenizer: Tokenizer,
  rows: readonly WordInput[],
  { where: name = 'rows', ...options }: EncodeWordsOptions = {},
): { rows: WordSequence[]; truncated: number } {
  const content: EncodeContent = (text) => tokenizer.encode(text, { add_special_tokens: false })
  const encodeWord = memo(content)
  const { max_length = Number.POSITIVE_INFINITY, truncation_side = tokenizer.truncationSide } = options
  const room = roomFor(max_length, tokenizer.buildInputs([]).input_ids.length)
  return checkedRows(rows, options, (row, i) => {
    const where = rowPlace(name, i)
    const pieces =
      'words' in row
        ? piecesOfWords(encodeWord, requireWords(row.words, where))
        : piecesInText(memo(content), row.text, row.ranges)
    const kept = cutWords(pieces, room, truncation_side)
    const ids = kept.flatMap((piece) => [...piece.ids])
    const { start, ...built } = tokenizer.buildInputs(ids)
    const word_ids = built.input_ids.map((): number | null => null)
    word_ids.splice(start, ids.length, ...kept.flatMap(({ word, ids: own }) => own.map(() => word)))
    const overflow = pieces.reduce((sum, piece) => sum + piece.ids.length, 0) - ids.length
    return { encoding: { ...built, overflow }, more: { word_ids }, where }
  })
}

/** @throws {DataError} naming the word, for what is no list of words with something in each. */
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

/** The first words that fit, or with side 'left' the last ones; of a word that alone is too long, its first tokens. */
function cutWords(pieces: readonly WordPieces[], room: number, side: TruncationSide): readonly WordPieces[] {
  const order = side === 'right' ? pieces : pieces.toReversed()
  const kept: WordPieces[] = []
  let left = room
  for (const piece of order) {
    if (piece.ids.length > left) {
      const whole = kept.some(({ word, ids }) => word !== null && ids.length > 0)
      if (!whole && left > 0) kept.push({ ...piece, ids: piece.ids.slice(0, left) })
      break
    }
    kept.push(piece)
    left -= piece.ids.length
  }
  return side === 'right' ? kept : kept.toReversed()
}

/** An encoder that remembers: words, and the beginnings of a text, are asked for again and again. */
function memo(encode: EncodeContent): EncodeContent {
  const known = new Map<string, readonly number[]>()
  return (text) => {
    const found = known.get(text) ?? encode(text)
    known.set(text, found)
    return found
  }
}
