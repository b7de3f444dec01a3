// Reads the parts of a one-dimensional tensor by Splits: small parameters share one, and a Slice for each of them would
// be a kernel.

import { cloneGraph, type Graph, getValue, type Node, uniqueName, type Value } from '../../ir/graph.ts'
import { addNode } from '../../ops/add-node.ts'
import { build, type Builder } from '../../ops/build.ts'

/** Parts of one Split: with the tensor itself, the eight buffers that WebGPU guarantees to a kernel. */
const maxParts = 7

interface Part {
  start: number
  end: number
  /** The value that the part is; undefined where nothing reads it. */
  name?: string
}

/** Rewrites the Slices of each vector, if they do not overlap, as a tree of Splits. */
export function splitBlocks(original: Graph): Graph {
  const graph = cloneGraph(original)
  const slices = new Map<string, { node: Node; part: Part }[]>()
  for (const node of graph.nodes) {
    const part = partOf(graph, node)
    const name = node.inputs[0] as string
    if (part) slices.set(name, [...(slices.get(name) ?? []), { node, part }])
  }
  const nodes = graph.nodes
  graph.nodes = []
  const g = build(graph)
  const dropped = new Set<Node>()
  const trees = new Map<Node, () => void>()
  for (const [name, list] of slices) {
    const size = getValue(graph, name).shape[0] as number
    const parts = covering(
      list.map(({ part }) => part).toSorted((a, b) => a.start - b.start),
      size,
    )
    if (!parts || list.length < 3) continue
    for (const { node } of list) dropped.add(node)
    trees.set(list[0]?.node as Node, () => splitTree(g, getValue(graph, name), parts))
  }
  for (const node of nodes) {
    trees.get(node)?.()
    if (!dropped.has(node)) graph.nodes.push(node)
  }
  return graph
}

/** The range of a Slice with step 1 of a vector of known size. */
function partOf(graph: Graph, { opType, inputs, outputs }: Node): Part | undefined {
  if (opType !== 'Slice' || inputs[4]) return undefined
  const { shape } = getValue(graph, inputs[0] as string)
  const [start, end] = [1, 2].map((i) => getValue(graph, inputs[i] as string).content?.[0])
  const isVector = shape.length === 1 && typeof shape[0] === 'number' && shape[0] > 0
  if (!isVector || typeof start !== 'number' || typeof end !== 'number' || start < 0) return undefined
  return end > start && end <= (shape[0] as number) ? { start, end, name: outputs[0] as string } : undefined
}

/** The parts with those between them that nothing reads; undefined if some overlap. */
function covering(sorted: readonly Part[], size: number): Part[] | undefined {
  const parts: Part[] = []
  let at = 0
  for (const part of sorted) {
    if (part.start < at) return undefined
    if (part.start > at) parts.push({ start: at, end: part.start })
    parts.push(part)
    at = part.end
  }
  return at < size ? [...parts, { start: at, end: size }] : parts
}

/**
 * Splits a vector into groups of parts, and each group again: the first groups are full trees of Splits, the last has
 * the rest, so that no tree of Splits of {@link maxParts} has fewer.
 */
function splitTree(g: Builder, whole: Value, parts: readonly Part[]): void {
  const full = maxParts ** Math.max(0, Math.floor(Math.log(parts.length) / Math.log(maxParts) + 1e-9) - 1)
  const count = Math.min(maxParts, parts.length)
  const groups = Array.from({ length: count }, (_, i) =>
    parts.slice(i * full, i === count - 1 ? undefined : (i + 1) * full),
  )
  const sizes = groups.map((group) => (group.at(-1) as Part).end - (group[0] as Part).start)
  const names = groups.map((group) => (group.length === 1 ? group[0]?.name : undefined))
  for (const name of names) if (name) g.graph.values.delete(name)
  const outputs = names.map((name, i) => name ?? uniqueName(g.graph, `${whole.name}.${groups[i]?.[0]?.start}`))
  const values = addNode(g.graph, 'Split', [whole, g.int64(sizes)], { outputs, attributes: { axis: 0 } })
  groups.forEach((group, i) => {
    if (group.length > 1) splitTree(g, values[i] as Value, group)
  })
}
