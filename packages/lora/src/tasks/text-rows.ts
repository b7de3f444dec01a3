// Rows of a text or a pair of texts, with a class, classes or a number.

import { encodeTexts, type Label, requireField, requireText, rowPlace } from '@cola/data'
import { otherForm } from './other-form.ts'
import type { EncodeContext, Encoded, ServeContext } from './task.ts'

/** A text, or a pair of texts, with its class, its classes, or its number. @typeParam L Names of the classes. */
export interface SequenceClassificationRow<L extends Label = Label> {
  text: string
  text_pair?: string
  label: L | readonly L[]
}

/** Texts whose labels are indices of classes, as `readTable` of @cola/data gives them. */
export interface ClassTable<L extends Label = Label> {
  readonly rows: readonly { text: string; text_pair?: string; label: number }[]
  readonly classes: readonly L[]
}

/** A tokenized text with its label. */
export interface SequenceClassificationExample {
  input_ids: readonly number[]
  token_type_ids?: readonly number[]
  /** Index of the class; 0 or 1 for each class; or the number. Undefined for a text to be classified. */
  target?: readonly number[]
}

/** A text, or a pair of texts, without a label. */
export type TextOrPair = string | { text: string; text_pair?: string }

/** @throws {DataError} naming the first row without a label. */
export function requireLabelled(rows: readonly object[], where: string): void {
  for (const [i, row] of rows.entries()) requireField(row, 'label', rowPlace(where, i, row), rows[0])
}

/** All labels of rows, one after the other. */
export const labelsOf = (rows: readonly SequenceClassificationRow[]): Label[] =>
  rows.flatMap(({ label }) => label as Label | Label[])

/** The columns of a text, and of a pair. */
const textFields = ['text', 'text_pair']

/** Whether a row is a pair of texts. */
export const isPair = (row: { text_pair?: unknown }): boolean => row.text_pair !== undefined

/**
 * Texts, or pairs of texts, as token ids, without targets.
 * @param settings `pairs`: whether rows are pairs. @default not known
 * @param textOf Reads a text, which may be empty where it is no row of a table.
 * @throws {DataError} naming the row and the field.
 */
export function encodeTextRows(
  rows: readonly Exclude<TextOrPair, string>[],
  { pairs }: { readonly pairs?: boolean | undefined },
  { base, max_length, where, pad_token_id }: EncodeContext & Partial<ServeContext> & { where: string },
  textOf = requireText,
): Encoded<SequenceClassificationExample> {
  const texts = rows.map((row, i) => {
    const place = rowPlace(where, i, row)
    const text = textOf(row, 'text', place)
    const pair = isPair(row) ? { text_pair: textOf(row, 'text_pair', place) } : {}
    if (pairs !== undefined && pairs !== isPair(row)) throw otherForm(row, textFields.slice(0, pairs ? 2 : 1), place)
    return { text, ...pair }
  })
  const options = { max_length, vocab_size: base.vocab_size, pad_token_id }
  const { rows: examples, truncated } = encodeTexts(base.tokenizer, texts, options)
  return { examples, truncated }
}
