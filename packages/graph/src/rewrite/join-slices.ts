// Joins Slices that partition a value, such as the halves of a head for rotary positions, into one Split: its gradient
// is a Concat, whereas the gradient of a Slice is scattered into zeros.

import { cloneGraph, getValue, type Graph, type Node } from '../ir/graph.ts'
import { addNode } from '../ops/add-node.ts'
import { build } from '../ops/build.ts'

interface Piece {
  node: Node
  start: number
  end: number
}

/** Rewrites Slices of one value that cover it without gap or overlap. Call `prune` afterwards. */
export function joinSlices(original: Graph): Graph {
  const graph = cloneGraph(original)
  const groups = new Map<string, Piece[]>()
  const keys = new Map<Node, string>()
  for (const node of graph.nodes) {
    const piece = pieceOf(graph, node)
    if (!piece) continue
    const key = `${piece.axis} ${node.inputs[0]}`
    keys.set(node, key)
    groups.set(key, [...(groups.get(key) ?? []), piece])
  }
  const nodes = graph.nodes
  graph.nodes = []
  const g = build(graph)
  for (const node of nodes) {
    const key = keys.get(node)
    const pieces = (key === undefined ? [] : (groups.get(key) as Piece[])).toSorted((a, b) => a.start - b.start)
    const x = getValue(graph, node.inputs[0] ?? node.outputs[0] ?? '')
    const axis = Number(key?.split(' ')[0])
    if (!covers(pieces, x.shape[axis])) graph.nodes.push(node)
    else if (node === groups.get(key as string)?.[0]?.node) {
      const outputs = pieces.map((piece) => piece.node.outputs[0] as string)
      for (const output of outputs) graph.values.delete(output)
      addNode(graph, 'Split', [x, g.int64(pieces.map(({ start, end }) => end - start))], {
        outputs,
        attributes: { axis },
      })
    }
  }
  return graph
}

/** The range of a Slice along one axis of known size with step 1. */
function pieceOf(graph: Graph, node: Node): (Piece & { axis: number }) | undefined {
  if (node.opType !== 'Slice' || !node.inputs[3]) return undefined
  const [starts, ends, axes, steps] = [1, 2, 3, 4].map((i) =>
    node.inputs[i] ? getValue(graph, node.inputs[i] as string).content : undefined,
  )
  const { shape } = getValue(graph, node.inputs[0] as string)
  const axis = Number(axes?.[0]) < 0 ? Number(axes?.[0]) + shape.length : Number(axes?.[0])
  const size = shape[axis]
  if (axes?.length !== 1 || typeof size !== 'number' || (node.inputs[4] && steps?.[0] !== 1)) return undefined
  const [start, end] = [starts?.[0], ends?.[0]]
  if (typeof start !== 'number' || typeof end !== 'number') return undefined
  const clamp = (position: number) => Math.max(0, Math.min(size, position < 0 ? position + size : position))
  return { node, axis, start: clamp(start), end: clamp(end) }
}

const covers = (pieces: readonly Piece[], size: unknown): boolean =>
  pieces.length > 1 && pieces[0]?.start === 0 && pieces.every(({ end }, i) => end === (pieces[i + 1]?.start ?? size))
