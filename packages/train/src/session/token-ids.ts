// Checks token ids against the embedding table: for a wrong id, runtimes silently read another row.

import { requireKind } from '@cola/graph/door'
import type { Graph } from '@cola/graph'
import { FeedError } from '../errors.ts'
import { roleOf } from './input-roles.ts'

/** Operators whose output has the values of their input. */
const passing = new Set(['Identity', 'Cast', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Transpose'])

/** Operators that look rows up; GatherBlockQuantized of com.microsoft reads int4 tables. */
const lookups = new Set(['Gather', 'GatherBlockQuantized'])

/** A table whose rows `input_ids` index. */
export interface TokenTable {
  /** Initializer or value. */
  readonly name: string
  readonly rows: number
}

/** The tables of token embeddings, in the order in which the graph reads them. */
export function tokenTables(graph: Graph): TokenTable[] {
  const ids = new Set(graph.inputs.filter((name) => roleOf(graph, name) === 'input_ids'))
  const tables: TokenTable[] = []
  for (const { opType, inputs, outputs, attributes } of graph.nodes) {
    const [name, indices] = inputs as [string, string | undefined]
    if (passing.has(opType) && ids.has(name)) ids.add(outputs[0] as string)
    if (!lookups.has(opType) || indices === undefined || !ids.has(indices)) continue
    if ((attributes.axis ?? attributes.gather_axis ?? 0) !== 0) continue
    const rows = (graph.initializers.get(name)?.dims ?? graph.values.get(name)?.shape)?.[0]
    if (typeof rows === 'number') tables.push({ name, rows })
  }
  return tables
}

const sizes = new WeakMap<Graph, number>()

/**
 * Number of rows of the embedding table that `input_ids` index; of the smallest table if there are several. Infinity if
 * the graph has none.
 */
export function vocabularySize(graph: Graph): number {
  requireKind('vocabularySize, graph', graph, 'graph')
  const cached = sizes.get(graph)
  if (cached !== undefined) return cached
  const size = Math.min(...tokenTables(graph).map(({ rows }) => rows))
  sizes.set(graph, size)
  return size
}

/**
 * Checks token ids.
 * @param dims Shape of the ids: [row, column], or [token].
 * @throws {FeedError} naming the row of the first id without a row in the embedding table.
 */
export function requireTokenIds(graph: Graph, ids: ArrayLike<number | bigint>, dims: readonly number[]): void {
  const size = vocabularySize(graph)
  for (let i = 0; i < ids.length; i++) {
    const id = Number(ids[i])
    if (id >= 0 && id < size) continue
    const columns = dims.length > 1 ? (dims.at(-1) as number) : ids.length
    throw new FeedError({
      where: `input "input_ids", row ${Math.floor(i / columns) + 1} of the batch, token ${(i % columns) + 1}`,
      what: 'a token id without a row in the embedding table',
      expected: Number.isFinite(size) ? `0 to ${size - 1}` : '0 or more',
      found: String(id),
      fix: "Use the model's own tokenizer; a token that was added to it needs a model with a larger table.",
    })
  }
}
