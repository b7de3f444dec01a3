// Packs several sentences into a row, to avoid padding. Attention is limited to equal segment ids, and positions
// restart at 0, so that the results of a sentence are the same as alone.

import { requireKind } from '@cola/graph/door'
import { type Checks, checkOptions, checkValue, list } from '@cola/graph/options'
import { DataError } from '../errors.ts'
import { classLabels } from './class-labels.ts'
import { ignoreIndex } from './ignore-index.ts'
import { requireList } from '../source/row-checks.ts'
import { requireTokenIds } from './token-ids.ts'

/** Named arrays with shapes; structurally a Batch of @cola/train. */
export interface PackedBatch {
  [name: string]: { data: Int32Array; dims: readonly number[] }
  /** [row, column]; 0 where padded. */
  input_ids: { data: Int32Array; dims: readonly number[] }
  /** `[row, column]`: position of a token in its sentence, from 0. */
  position_ids: { data: Int32Array; dims: readonly number[] }
  /** `[row, column]`: number of the sentence in its row from 1; 0 where padded. */
  segment_ids: { data: Int32Array; dims: readonly number[] }
  /** `[batch]`: index of each sentence's last token in the flattened rows. */
  last_token: { data: Int32Array; dims: readonly number[] }
}

/** Options of {@link packSentences}. */
export interface PackingOptions {
  /** Greatest number of columns of rows that are longer than the longest sentence. @default any */
  max_columns?: number
}

const checks: Checks<PackingOptions> = {
  max_columns: ['a number of at least 1', (value) => typeof value === 'number' && value >= 1],
}

interface Placement {
  row: number
  column: number
}

/**
 * Packs sentences by first-fit decreasing into rows as long as the longest sentence, or somewhat longer if that needs
 * less padding.
 * @throws {DataError} for no sentences, an empty one, or a token id that is no whole number of at least 0; {ConfigError}
 * for an option that is unknown or out of its range.
 */
export function packSentences(sentences: readonly (readonly number[])[], options: PackingOptions = {}): PackedBatch {
  checkOptions('packSentences', options, checks)
  const { max_columns = Number.POSITIVE_INFINITY } = options
  requireTokens(sentences)
  const lengths = sentences.map((ids) => ids.length)
  const { width, rows, placements } = bestPacking(lengths, max_columns)
  const size = rows * width
  const [input_ids, position_ids, segment_ids] = [new Int32Array(size), new Int32Array(size), new Int32Array(size)]
  const segments = new Int32Array(rows)
  const last_token = Int32Array.from(sentences, (ids, i) => {
    const { row, column } = placements[i] as Placement
    const start = row * width + column
    const segment = (segments[row] as number) + 1
    segments[row] = segment
    input_ids.set(ids, start)
    segment_ids.fill(segment, start, start + ids.length)
    for (let k = 0; k < ids.length; k++) position_ids[start + k] = k
    return start + ids.length - 1
  })
  const grid = (data: Int32Array) => ({ data, dims: [rows, width] })
  return {
    input_ids: grid(input_ids),
    position_ids: grid(position_ids),
    segment_ids: grid(segment_ids),
    last_token: { data: last_token, dims: [sentences.length] },
  }
}

/** @throws {DataError} for no sentences, an empty one, or a token id that is no whole number of at least 0. */
export function requireTokens(sentences: readonly (readonly number[])[]): void {
  requireList(sentences, 'sentences')
  for (const [i, ids] of sentences.entries()) checkValue(`sentence ${i + 1} of the batch`, ids, list)
  if (sentences.length === 0) throw new DataError({ where: 'batch', what: 'no sentences' })
  const empty = sentences.findIndex((ids) => ids.length === 0)
  if (empty >= 0)
    throw new DataError({ where: `sentence ${empty + 1} of the batch`, what: 'a sentence without tokens' })
  for (const [i, ids] of sentences.entries()) requireTokenIds(ids, `sentence ${i + 1} of the batch`)
}

/**
 * The packing with the least padding among a few row widths; the narrowest of several, because the cost of attention
 * grows with the width.
 */
function bestPacking(
  lengths: readonly number[],
  limit: number,
): { width: number; rows: number; placements: Placement[] } {
  const longest = lengths.reduce((a, b) => Math.max(a, b), 0)
  const widths = [1, 1.15, 1.3, 1.5, 2].map((factor) => Math.round(longest * factor))
  const candidates = [...new Set(widths)].filter((width) => width === longest || width <= limit)
  const packings = candidates.map((width) => ({ width, ...firstFit(lengths, width) }))
  return packings.reduce((best, next) => (next.rows * next.width < best.rows * best.width ? next : best))
}

/** First-fit decreasing (Johnson 1973). */
function firstFit(lengths: readonly number[], width: number): { rows: number; placements: Placement[] } {
  const used: number[] = []
  const placements: Placement[] = new Array(lengths.length)
  const order = lengths.map((_, i) => i).sort((a, b) => (lengths[b] as number) - (lengths[a] as number))
  for (const i of order) {
    const length = lengths[i] as number
    const fitting = used.findIndex((columns) => columns + length <= width)
    const row = fitting < 0 ? used.push(0) - 1 : fitting
    placements[i] = { row, column: used[row] as number }
    used[row] = (used[row] as number) + length
  }
  return { rows: used.length, placements }
}

/**
 * The tokens of a padded batch's rows without padding, on whichever side it is.
 * @param attention_mask 1 for tokens, 0 for padding; as long as the ids.
 */
export function unpad(
  input_ids: ArrayLike<number | bigint>,
  attention_mask: ArrayLike<number | bigint>,
  [rows, columns]: readonly [number, number],
): number[][] {
  requireKind('unpad, input_ids', input_ids, 'list')
  return Array.from({ length: rows }, (_, row) => {
    const sentence: number[] = []
    for (let i = row * columns; i < (row + 1) * columns; i++)
      if (Number(attention_mask[i]) !== 0) sentence.push(Number(input_ids[i]))
    return sentence
  })
}

/** Packs labelled rows; adds `labels` [batch]. */
export function packRows(
  rows: readonly { input_ids: readonly number[]; label: number }[],
): PackedBatch & { labels: { data: Int32Array; dims: readonly number[] } } {
  requireKind('packRows, rows', rows, 'list')
  return { ...packSentences(rows.map((row) => row.input_ids)), labels: classLabels(rows.map(({ label }) => label)) }
}

/**
 * Packs rows for next-token prediction; adds `labels` `[row * column]`: the following token of the same sentence, -100
 * elsewhere.
 */
export function packForLanguageModel(
  sentences: readonly (readonly number[])[],
): PackedBatch & { labels: { data: Int32Array; dims: readonly number[] } } {
  const batch = packSentences(sentences)
  const { data: ids } = batch.input_ids
  const { data: segments } = batch.segment_ids
  const width = batch.input_ids.dims[1] as number
  const labels = Int32Array.from(ids, (_, i) =>
    (i + 1) % width !== 0 && segments[i] !== 0 && segments[i + 1] === segments[i]
      ? (ids[i + 1] as number)
      : ignoreIndex,
  )
  return { ...batch, labels: { data: labels, dims: [labels.length] } }
}
