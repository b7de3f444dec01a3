// Makes padded batches with the inputs of an exported model.

import { requireKind } from '@cola/graph/door'
import { type Checks, checkOptions, show, whole } from '@cola/graph/options'
import type { TokenSequence } from '@cola/data'
import { type Graph, getValue } from '@cola/graph'
import { ConfigError, FeedError } from '../errors.ts'
import type { Batch } from './feeds.ts'
import { type InputRole, roleOf } from './input-roles.ts'
import { vocabularySize } from './token-ids.ts'

/** Token ids of a text, or token ids with token types. */
export type PaddedRow = readonly number[] | TokenSequence

/** How rows of unequal length become a batch. */
export interface PaddingOptions {
  /** Token id of padding, from config.json by `padTokenId` of @cola/data. @default 0 */
  pad_token_id?: number
  /** First of the `position_ids`, if the graph has that input: `firstPosition` of @cola/data. @default 0 */
  firstPosition?: number
}

const checks: Checks<PaddingOptions> = { pad_token_id: whole(0), firstPosition: whole(0) }

/**
 * A function that makes batches for a graph's inputs: `input_ids`, `attention_mask`, `token_type_ids`, `position_ids`,
 * and inputs of a head (`token_weights`, `last_token`). Rows are padded on the right to the longest, or to the fixed
 * number of columns of an export.
 * @throws {ConfigError} for a pad_token_id without a row in the embedding table, and an option that is unknown; the batches' function throws a
 * {FeedError} naming the row of a token id that is no whole number.
 */
export function paddedBatches(graph: Graph, options: PaddingOptions = {}): (rows: readonly PaddedRow[]) => Batch {
  checkOptions('paddedBatches', options, checks)
  requireKind('paddedBatches, graph', graph, 'graph')
  const { pad_token_id = 0, firstPosition = 0 } = options
  const size = vocabularySize(graph)
  if (pad_token_id >= size)
    throw new ConfigError({
      where: 'option pad_token_id',
      what: 'no row of the embedding table',
      expected: `0 to ${size - 1}`,
      found: String(pad_token_id),
    })
  const fixed = fixedSizes(graph).columns
  return (rows) => {
    const sentences = rows.map((row) => ('input_ids' in row ? row.input_ids : row))
    for (const [row, ids] of sentences.entries()) requireWhole(ids, row)
    const types = rows.map((row) => ('input_ids' in row ? row.token_type_ids : undefined))
    const columns = fixed ?? sentences.reduce((longest, { length }) => Math.max(longest, length), 1)
    const grid = (value: (sentence: readonly number[], at: number, row: number) => number): number[] =>
      sentences.flatMap((sentence, row) => Array.from({ length: columns }, (_, at) => value(sentence, at, row)))
    const isToken = (sentence: readonly number[], at: number) => at < sentence.length
    const values: Record<InputRole, () => number[]> = {
      input_ids: () => grid((sentence, at) => sentence[at] ?? pad_token_id),
      attention_mask: () => grid((sentence, at) => (isToken(sentence, at) ? 1 : 0)),
      token_type_ids: () => grid((_, at, row) => types[row]?.[at] ?? 0),
      position_ids: () => grid((_, at) => firstPosition + at),
      token_weights: () => grid((sentence, at) => (isToken(sentence, at) ? 1 / sentence.length : 0)),
      // Of a row without tokens the first column: the place before it is another row's.
      last_token: () => sentences.map(({ length }, row) => row * columns + Math.max(length - 1, 0)),
    }
    return Object.fromEntries(
      graph.inputs.flatMap((name) => {
        const role = roleOf(graph, name)
        if (!role) return []
        const dims = role === 'last_token' ? [sentences.length] : [sentences.length, columns]
        return [[name, arrayFor(graph, name, values[role](), dims)]]
      }),
    )
  }
}

/** Typed arrays would round the id without a word; the session checks its range. @throws {FeedError} */
function requireWhole(ids: readonly number[], row: number): void {
  const at = ids.findIndex((id) => !Number.isSafeInteger(id))
  if (at >= 0)
    throw new FeedError({
      where: `row ${row + 1} of the batch, token ${at + 1}`,
      what: 'not a token id',
      expected: 'a whole number',
      found: show(ids[at]),
    })
}

/** Numbers of rows and columns of `input_ids` that an export has fixed; undefined if they are dynamic. */
export function fixedSizes(graph: Graph): { rows?: number; columns?: number } {
  const ids = graph.inputs.find((name) => roleOf(graph, name) === 'input_ids')
  const [rows, columns] = ids === undefined ? [] : getValue(graph, ids).shape
  return { ...(typeof rows === 'number' ? { rows } : {}), ...(typeof columns === 'number' ? { columns } : {}) }
}

/** An array with the element type of a graph's input. */
function arrayFor(graph: Graph, name: string, values: readonly number[], dims: readonly number[]): Batch[string] {
  const { dtype } = getValue(graph, name)
  if (dtype === 'int64') return { data: BigInt64Array.from(values, BigInt), dims }
  if (dtype === 'bool') return { data: Uint8Array.from(values), dims }
  return { data: dtype === 'int32' ? Int32Array.from(values) : Float32Array.from(values), dims }
}
