// Texts to rows of token ids, with a rule for those that are too long.

import { DataError } from '../errors.ts'
import type { LabelledText } from '../source/cola.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'

export interface TokenRow {
  input_ids: readonly number[]
  label: number
}

export interface EncodeOptions {
  /** Longest row: the model's position table. @default no limit */
  max_length?: number
  /** What to do with longer ones: cut them and count, or refuse. @default 'truncate' */
  too_long?: 'truncate' | 'refuse'
}

/**
 * Encodes labelled texts.
 * @returns The rows, and how many were cut.
 * @throws {DataError} for a text without tokens, or one that is too long when they are refused.
 */
export function encodeRows(
  tokenizer: Pick<Tokenizer, 'encode'>,
  rows: readonly LabelledText[],
  { max_length = Number.POSITIVE_INFINITY, too_long = 'truncate' }: EncodeOptions = {},
): { rows: TokenRow[]; truncated: number } {
  let truncated = 0
  const encoded = rows.map(({ text, label }, i) => {
    const ids = tokenizer.encode(text)
    const where = `row ${i + 1}, ${JSON.stringify(text.slice(0, 40))}`
    if (ids.length === 0) throw new DataError({ where, what: 'a text without tokens' })
    if (ids.length <= max_length) return { input_ids: ids, label }
    if (too_long === 'refuse')
      throw new DataError({
        where,
        what: 'longer than the position table',
        expected: `at most ${max_length} tokens`,
        found: String(ids.length),
        fix: "Shorten it, or set too_long: 'truncate'.",
      })
    truncated++
    return { input_ids: ids.slice(0, max_length), label }
  })
  return { rows: encoded, truncated }
}
