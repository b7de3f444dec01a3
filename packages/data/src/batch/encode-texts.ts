// Encodes texts and pairs of texts as rows of token ids; truncates or refuses those that are too long.

import { type Checks, checkOptions, checkValue, limit, oneOf, whole } from '@cola/graph/options'
import { DataError } from '../errors.ts'
import { describeValue, requireList } from '../source/row-checks.ts'
import { encodingChecks, type EncodingOptions } from '../tokenizer/encoding-options.ts'
import type { Encoding, Tokenizer } from '../tokenizer/tokenizer.ts'
import { roomFor, truncate } from '../tokenizer/truncate.ts'
import { requireTokenIds } from './token-ids.ts'

/** A text, or a pair of texts. */
export interface TextInput {
  text: string
  text_pair?: string | undefined
}

/** Token ids of a text, or of a pair of texts. */
export interface TokenSequence {
  input_ids: readonly number[]
  /** `[token]`: omitted if all are 0. */
  token_type_ids?: readonly number[]
}

/** Token ids of a text with the index of its class. */
export interface TokenRow extends TokenSequence {
  label: number
}

/** Options of {@link encodeTexts}. */
export interface EncodeOptions extends Omit<EncodingOptions, 'text_pair'> {
  /** Longest row in tokens, including special tokens; `longestInput` returns a model's. @default no limit */
  max_length?: number | undefined
  /** Whether longer rows are truncated and counted, or refused. @default 'truncate' */
  tooLong?: 'truncate' | 'refuse'
  /** Number of rows of the embedding table, for a check of the ids. @default not checked */
  vocab_size?: number | undefined
  /**
   * Token of a text without tokens, padding as in transformers' batches; `padTokenId` returns a model's.
   * @default such a text is refused
   */
  pad_token_id?: number | undefined
}

/** Checks of {@link EncodeOptions}. */
export const encodeChecks: Checks<EncodeOptions> = {
  max_length: limit,
  truncation_side: encodingChecks.truncation_side,
  truncation_strategy: encodingChecks.truncation_strategy,
  add_special_tokens: encodingChecks.add_special_tokens,
  tooLong: oneOf(['truncate', 'refuse']),
  vocab_size: limit,
  pad_token_id: whole(0),
}

/** A tokenizer, or a user's encoder without special tokens. */
export type Encoder = Pick<Tokenizer, 'encode'> & Partial<Pick<Tokenizer, 'encodePlus'>>

/** @throws {ConfigError} for what encodes no text. */
export const requireTokenizer = (tokenizer: unknown): void =>
  checkValue('tokenizer', tokenizer, [
    'a tokenizer, such as readTokenizer gives',
    (value) =>
      ['encode', 'encodePlus'].some((name) => typeof (value as Record<string, unknown>)?.[name] === 'function'),
  ])

/**
 * Encodes texts and pairs of texts. Those that are too long are truncated like in the tokenizers library, which keeps
 * special tokens.
 * @returns The rows, and the number of truncated ones.
 * @throws {DataError} naming the row: a value that is not a text, a text without tokens, one that is too long if those
 * are refused, an id without a row in the embedding table.
 * @throws {ConfigError} for an option that is unknown or out of its range.
 */
export function encodeTexts(
  tokenizer: Encoder,
  texts: readonly (string | TextInput)[],
  options: EncodeOptions = {},
): { rows: TokenSequence[]; truncated: number } {
  checkOptions('encodeTexts', options, encodeChecks)
  requireTokenizer(tokenizer)
  requireList(texts, 'texts')
  const encode = tokenizer.encodePlus ?? plainEncoder(tokenizer.encode)
  return checkedRows(texts, options, (input, i) => {
    const { text, text_pair } = typeof input === 'object' && input ? input : { text: input }
    if (typeof text !== 'string' || !['string', 'undefined'].includes(typeof text_pair))
      throw new DataError({
        where: `row ${i + 1}`,
        what: 'not a text, or a pair of texts',
        found: describeValue(input),
      })
    return {
      encoding: encode(text, { ...encodingOptions(options), text_pair }),
      where: `row ${i + 1}, ${JSON.stringify(text.slice(0, 40))}`,
    }
  })
}

const encodingOptions = ({
  tooLong: _,
  vocab_size: __,
  pad_token_id: ___,
  ...options
}: EncodeOptions): EncodingOptions => options

/**
 * Encodes rows one by one, checks them, and counts those that were truncated.
 * @param encode Returns the encoding, further fields of the row (`more`), and the row's name for errors.
 * @throws {DataError} naming the row: without tokens, too long if that is refused, an id without a row in the embedding
 * table.
 */
export function checkedRows<Row, More extends object>(
  inputs: readonly Row[],
  { tooLong = 'truncate', vocab_size, max_length, pad_token_id }: EncodeOptions,
  encode: (row: Row, i: number) => { encoding: Encoding; more?: More; where: string },
): { rows: (TokenSequence & More)[]; truncated: number } {
  let truncated = 0
  const rows = inputs.map((input, i) => {
    const { encoding, more, where } = encode(input, i)
    const { input_ids: ids, token_type_ids, overflow } = encoding
    const input_ids = ids.length === 0 && pad_token_id !== undefined ? [pad_token_id] : ids
    if (input_ids.length === 0) throw new DataError({ where, what: 'a text without tokens' })
    requireTokenIds(input_ids, where, vocab_size)
    if (overflow > 0 && tooLong === 'refuse')
      throw new DataError({
        where,
        what: 'longer than the model takes',
        expected: `at most ${max_length} tokens`,
        found: String(input_ids.length + overflow),
        fix: "Shorten it, or set tooLong: 'truncate'.",
      })
    if (overflow > 0) truncated++
    const types = token_type_ids.some((type) => type !== 0) ? { token_type_ids } : {}
    return { input_ids, ...types, ...(more as More) }
  })
  return { rows, truncated }
}

/**
 * Encodes labelled texts, or pairs of texts, like {@link encodeTexts}.
 * @returns The rows, and the number of truncated ones.
 * @throws {DataError | ConfigError} as {@link encodeTexts}.
 */
export function encodeRows(
  tokenizer: Encoder,
  rows: readonly (TextInput & { label: number })[],
  options: EncodeOptions = {},
): { rows: TokenRow[]; truncated: number } {
  checkOptions('encodeRows', options, encodeChecks)
  const encoded = encodeTexts(tokenizer, rows, options)
  return { ...encoded, rows: encoded.rows.map((row, i) => ({ ...row, label: (rows[i] as { label: number }).label })) }
}

/** `encodePlus` for a user's encoder, which adds no special tokens. */
function plainEncoder(encode: (text: string) => number[]): Tokenizer['encodePlus'] {
  return (text, { text_pair, max_length = Number.POSITIVE_INFINITY, truncation_side = 'right' } = {}) => {
    if (text_pair !== undefined)
      throw new DataError({ where: 'tokenizer', what: 'it takes no pairs', expected: 'encodePlus' })
    const whole = encode(text)
    const input_ids = [...truncate(whole, roomFor(max_length, 0), truncation_side)]
    return { input_ids, token_type_ids: input_ids.map(() => 0), overflow: whole.length - input_ids.length }
  }
}
