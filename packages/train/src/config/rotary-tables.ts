// Tables of the cosines of rotary positions, which operators of the runtime read: [positions, size / 2].

import { requireKind } from '@cola/graph/door'
import type { Graph, Node } from '@cola/graph'

/** The input of an operator that holds a table. */
function cosinesOf({ opType, domain, inputs }: Node): string | undefined {
  if (opType === 'GroupQueryAttention') return inputs[7]
  if (opType === 'RotaryEmbedding') return inputs[domain === '' ? 1 : 2]
  return undefined
}

/** The tables that a graph has as constants, with their sizes. */
export const cosineTables = ({ nodes, initializers }: Graph): (readonly [name: string, dims: readonly number[]])[] =>
  nodes.flatMap((node) => {
    const name = cosinesOf(node)
    const dims = initializers.get(name ?? '')?.dims
    return name !== undefined && dims?.length === 2 ? [[name, dims] as const] : []
  })

/**
 * The most tokens for which a graph has rotary positions, which may be fewer than config.json says: past the table's
 * last row a run fails, or reads what is not there. Infinity where it computes them.
 * @param graph The file as `decodeGraph` or `readOutline` gives it.
 */
export function rotaryPositions(graph: Graph): number {
  requireKind('rotaryPositions, graph', graph, 'graph')
  return Math.min(Number.POSITIVE_INFINITY, ...cosineTables(graph).map(([, [rows]]) => rows as number))
}
