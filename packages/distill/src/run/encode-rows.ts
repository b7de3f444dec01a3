// Rows as examples: texts as tokens, labels as classes.

import {
  classIndex,
  DataError,
  describeValue,
  encodeTexts,
  type Label,
  requireLabel,
  requireList,
  requireRows,
  requireText,
  rowPlace,
  type Tokenizer,
  ignoreIndex,
} from '@cola/data'
import type { DistillExample, DistillRow } from './options.ts'

export interface EncodeContext {
  tokenizer: Tokenizer
  labels: readonly Label[]
  /** Longest text in tokens. */
  max_length: number
  /** Rows of the student's embedding table. @default not checked */
  vocab_size?: number | undefined
  /** What to do about a label that is none of the classes. */
  labelFix: string
}

/** Examples, and how many were cut. */
export interface EncodedRows {
  examples: DistillExample[]
  truncated: number
}

/** Labels of rows. @throws {DataError} for what are no rows, naming the row for what is no label. */
export function labelsOf(rows: readonly DistillRow[], where: string): Label[] {
  requireRows(where, rows)
  return rows.map(({ label }, i) => requireLabel(label, rowPlace(where, i), 'A student has one class for each text.'))
}

/**
 * Rows with labels as examples.
 * @param where Names the rows in errors.
 * @throws {DataError} naming the row and the field.
 */
export function encodeLabelled(rows: readonly DistillRow[], where: string, context: EncodeContext): EncodedRows {
  const labels = labelsOf(rows, where).map((label, i) =>
    classIndex(context.labels, label, rowPlace(where, i), context.labelFix),
  )
  const texts = rows.map((row, i) => {
    refusePair(row, rowPlace(where, i))
    return requireText(row, 'text', rowPlace(where, i))
  })
  return encode(texts, (i) => labels[i] as number, context)
}

/** Texts without labels as examples. @throws {DataError} for what is no array, naming the row for what is no text. */
export function encodeUnlabelled(texts: readonly string[], where: string, context: EncodeContext): EncodedRows {
  requireList(texts, where)
  texts.forEach((text, i) => {
    requireText({ text }, 'text', rowPlace(where, i))
  })
  return encode(texts, () => ignoreIndex, context)
}

function encode(texts: readonly string[], labelOf: (i: number) => number, context: EncodeContext): EncodedRows {
  const { tokenizer, max_length, vocab_size } = context
  const options = { max_length, vocab_size }
  const { rows, truncated } = encodeTexts(tokenizer, texts, options)
  return { examples: rows.map(({ input_ids }, i) => ({ input_ids, label: labelOf(i) })), truncated }
}

/** @throws {DataError} for a pair of texts, of which a student would read the first alone. */
function refusePair(row: object, place: string): void {
  const { text_pair } = row as { text_pair?: unknown }
  if (text_pair === undefined) return
  throw new DataError({
    where: `${place}, field "text_pair"`,
    what: 'a student reads single texts',
    found: describeValue(text_pair),
  })
}
