// Computes rows of a large matrix piece by piece, so that one piece of it is in memory at a time.

import { requireKind } from '../door.ts'
import { type Graph, getValue, type Node, uniqueName, type Value } from '../ir/graph.ts'
import { producersOf } from '../ir/uses.ts'
import { addNode } from '../ops/add-node.ts'
import { build } from '../ops/build.ts'
import { splitRows } from '../ops/composite.ts'
import { memoize } from './memoize.ts'
import { rowwiseInputs } from './rows-at.ts'

/** The values of one piece that are made. */
type Made = ReturnType<typeof memoize<Value>>

/**
 * Divides the rows of `value` [rows, width] into pieces and reduces each. The nodes that compute it are copied for each
 * piece, back to values that are narrower or mix rows; a piece runs after the piece before it was reduced. Call
 * `prune` afterwards.
 * @param count Number of pieces; it divides the number of rows.
 * @param reduce Gives values of a piece [rows / count, width], of which the first one is small and depends on all of
 * it.
 * @returns What `reduce` gave for each piece.
 */
export function inPieces<Reduced extends readonly [Value, ...Value[]]>(
  graph: Graph,
  value: Value,
  count: number,
  reduce: (piece: Value, index: number) => Reduced,
): Reduced[] {
  requireKind('inPieces, graph', graph, 'graph')
  if (count === 1) return [reduce(value, 0)]
  const g = build(graph)
  const producers = producersOf(graph)
  const parts = memoize<Value[]>()
  const partsOf = (name: string): Value[] => parts(name, () => splitRows(g, getValue(graph, name), count))
  const wideNode = (name: string): { node: Node; isRowwise: readonly boolean[] } | undefined => {
    const node = getValue(graph, name).shape.at(-1) === value.shape.at(-1) ? producers.get(name) : undefined
    const isRowwise = node && rowwiseInputs(graph, node)
    return isRowwise && node.opType !== 'Reshape' ? { node, isRowwise } : undefined
  }

  let before: Value | undefined
  function pieceOf(name: string, index: number, made: Made): Value {
    return made(name, () => {
      const wide = wideNode(name)
      if (wide) return copy(wide.node, wide.isRowwise, index, made)
      return g.RunAfter(partsOf(name)[index] as Value, ...(before ? [before] : []))
    })
  }
  function copy(node: Node, isRowwise: readonly boolean[], index: number, made: Made): Value {
    const inputs = node.inputs.map((name, i) =>
      name === '' ? null : isRowwise[i] ? pieceOf(name, index, made) : getValue(graph, name),
    )
    const { scope, attributes } = node
    return addNode(graph, node.opType, inputs, { name: uniqueName(graph, node.name), scope, attributes })[0] as Value
  }
  return Array.from({ length: count }, (_, index) => {
    const reduced = reduce(pieceOf(value.name, index, memoize()), index)
    before = reduced[0]
    return reduced
  })
}
