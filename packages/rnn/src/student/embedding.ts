// The embedding by rows: a table of all tokens, from which training takes the rows that occur. The others never see a
// gradient: weight decay alone moves them, if the optimizer has any, so training the compact table gives the numbers
// that training the whole one gives; saving puts the rows back.

import { requireKind } from '@cola/graph/door'
import { checkOptions, flag, integer, oneOf } from '@cola/graph/options'
import { random } from '@cola/data'
import { float32, type Tensor, toFloat32 } from '@cola/graph'
import { unseenRows, WeightsError } from '@cola/train'

/** Rows of token embeddings, drawn or read when asked for. */
export interface EmbeddingTable {
  readonly rows: number
  readonly width: number
  /** The vector of a token. */
  readonly row: (id: number) => Float32Array
  /** Whether training leaves the rows as they are. @default false */
  readonly freeze?: boolean
}

/**
 * torch.nn.Embedding's first values: N(0, 1), each row from a stream of its own.
 * @throws {ConfigError} for an option that is unknown or out of its range.
 */
export function randomEmbedding(rows: number, width: number, options: { seed?: number } = {}): EmbeddingTable {
  checkOptions('randomEmbedding', options, { seed: integer })
  const { seed = 0 } = options
  return {
    rows,
    width,
    row: (id) => {
      const stream = random(seed, 'embedding', id)
      return Float32Array.from({ length: width }, () => stream.normal())
    },
  }
}

/**
 * A table read from a checkpoint: GPT-2's `wte.weight`, or any matrix of a row a token.
 * @param options `scale`: 'unit' divides by the table's standard deviation, so that a language model's small numbers start as
 * torch.nn.Embedding's do. @default 'none'
 * `freeze`: training leaves the rows as they are, as in torch.nn.Embedding.from_pretrained. @default false
 * @throws {WeightsError} when the tensor is not a matrix; {ConfigError} for an option that is unknown.
 */
export function embeddingFrom(
  tensor: Tensor,
  options: { scale?: 'unit' | 'none'; freeze?: boolean } = {},
): EmbeddingTable {
  checkOptions('embeddingFrom', options, { scale: oneOf(['unit', 'none']), freeze: flag })
  requireKind('embeddingFrom, tensor', tensor, 'tensor')
  const { scale = 'none', freeze = false } = options
  const [rows, width] = tensor.dims
  if (tensor.dims.length !== 2 || rows === undefined || width === undefined)
    throw new WeightsError({
      where: 'embedding table',
      what: 'not a matrix',
      expected: '[tokens, width]',
      found: `[${tensor.dims}]`,
    })
  let values: Float32Array | undefined
  let factor = 1
  const read = (): Float32Array => {
    values = toFloat32(tensor)
    if (scale === 'unit') factor = 1 / deviation(values)
    return values
  }
  return {
    rows,
    width,
    freeze,
    row: (id) => {
      const row = (values ?? read()).slice(id * width, (id + 1) * width)
      return factor === 1 ? row : row.map((value) => value * factor)
    },
  }
}

function deviation(values: Float32Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
}

/** Which tokens occur, and the places that they have in the compact table. */
export interface Vocabulary {
  /** Token ids in ascending order. */
  readonly ids: readonly number[]
  /** Place of a token; undefined for one that does not occur. */
  readonly place: (id: number) => number | undefined
}

/** The tokens of sentences. */
export function vocabularyOf(sentences: Iterable<readonly number[]>): Vocabulary {
  requireKind('vocabularyOf, sentences', sentences, 'iterable')
  const seen = new Set<number>()
  for (const sentence of sentences) for (const id of sentence) seen.add(id)
  const ids = [...seen].sort((a, b) => a - b)
  const places = new Map(ids.map((id, place) => [id, place]))
  return { ids, place: (id) => places.get(id) }
}

/**
 * The rows of a vocabulary, as the matrix that is trained.
 * @throws {WeightsError} for a token that the table does not have, or whose row holds NaN or Infinity.
 */
export function compact(table: EmbeddingTable, { ids }: Vocabulary): Tensor {
  requireKind('compact, table', table, 'object')
  const { rows, width, row } = table
  const bad = ids.find((id) => !(id >= 0 && id < rows))
  if (bad !== undefined)
    throw new WeightsError({
      where: 'embedding table',
      what: 'a token has no row',
      expected: `0 to ${rows - 1}`,
      found: String(bad),
      fix: "Use the table's own tokenizer.",
    })
  const values = new Float32Array(ids.length * width)
  ids.forEach((id, place) => {
    const weights = row(id)
    const bad = weights.find((value) => !Number.isFinite(value))
    if (bad !== undefined)
      throw new WeightsError({ where: `embedding table, row ${id}`, what: 'not finite numbers', found: String(bad) })
    values.set(weights, place * width)
  })
  return float32([ids.length, width], values)
}

/** All rows of a table. @throws {WeightsError} as {@link compact}. */
export const wholeTable = (table: EmbeddingTable): Tensor =>
  compact(table, { ids: Array.from({ length: table.rows }, (_, id) => id), place: (id) => id })

/** The rows of tokens that do not occur, in the order of their ids; made when their bytes are asked for. */
export function unseen({ rows, width, row }: EmbeddingTable, { ids, place }: Vocabulary): Tensor {
  const bytes = () => {
    const values = new Float32Array((rows - ids.length) * width)
    for (let id = 0, at = 0; id < rows; id++) {
      if (place(id) !== undefined) continue
      values.set(row(id), at)
      at += width
    }
    return new Uint8Array(values.buffer)
  }
  return { dtype: 'float32', dims: [rows - ids.length, width], bytes }
}

/**
 * The whole table with trained rows in their places, and the others as the optimizer would have left them; made when
 * its bytes are asked for.
 * @throws {WeightsError} for a matrix that was not trained from these rows.
 */
export function expand(table: EmbeddingTable, { ids, place }: Vocabulary, trained: Tensor): Tensor {
  requireKind('expand, table', table, 'object')
  const { rows, width } = table
  const other = unseenRows(trained, { seen: ids.length, unseen: rows - ids.length })
  const bytes = () => {
    const values = new Float32Array(rows * width)
    const seen = toFloat32(trained)
    for (let id = 0, others = 0; id < rows; id++) {
      const at = place(id)
      values.set(
        at === undefined ? other(others++, () => table.row(id)) : seen.subarray(at * width, (at + 1) * width),
        id * width,
      )
    }
    return new Uint8Array(values.buffer)
  }
  return { dtype: 'float32', dims: [rows, width], bytes }
}
