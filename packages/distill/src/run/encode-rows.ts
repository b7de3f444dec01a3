// Rows as examples: texts as tokens, labels as classes.

import {
  classIndex,
  DataError,
  describeValue,
  encodeTexts,
  type Label,
  requireField,
  requireLabel,
  padTokenId,
  requireList,
  requireRows,
  requireString,
  requireText,
  rowPlace,
  type Tokenizer,
  ignoreIndex,
} from '@cola/data'
import type { DistillExample, DistillRow } from './options.ts'

/** What texts are encoded with. */
export interface ServedContext {
  tokenizer: Tokenizer
  labels: readonly Label[]
  /** Longest text in tokens. */
  max_length: number
  /** Rows of the student's embedding table. @default not checked */
  vocab_size?: number | undefined
}

export interface EncodeContext extends ServedContext {
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
  return rows.map((row, i) => {
    const place = rowPlace(where, i, row)
    requireField(row, 'label', place, rows[0])
    return requireLabel(row.label, place, 'A student has one class for each text.')
  })
}

/**
 * Rows with labels as examples.
 * @param where Names the rows in errors.
 * @throws {DataError} naming the row and the field.
 */
export function encodeLabelled(rows: readonly DistillRow[], where: string, context: EncodeContext): EncodedRows {
  const labels = labelsOf(rows, where).map((label, i) =>
    classIndex(context.labels, label, rowPlace(where, i, rows[i]), context.labelFix),
  )
  const texts = rows.map((row, i) => {
    const place = rowPlace(where, i, row)
    refusePair(row, place)
    return requireText(row, 'text', place, rows[0])
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

/** Texts to be answered, which may be empty: one without tokens is read as a padding token. @throws as those above. */
export function encodeServed(texts: readonly string[], context: ServedContext): EncodedRows {
  requireList(texts, 'texts')
  texts.forEach((text, i) => {
    requireString({ text }, 'text', rowPlace('texts', i))
  })
  const { tokenizer, vocab_size } = context
  return encode(texts, () => ignoreIndex, { ...context, pad_token_id: padTokenId({}, tokenizer, vocab_size) })
}

function encode(
  texts: readonly string[],
  labelOf: (i: number) => number,
  { tokenizer, max_length, vocab_size, pad_token_id }: ServedContext & { pad_token_id?: number },
): EncodedRows {
  const options = { max_length, vocab_size, pad_token_id }
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
