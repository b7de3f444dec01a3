// What exporters spell out: shapes computed node by node though inference knows them, halves cut one by one, functions
// in many operators.

import { cloneGraph, type Graph, getValue, type Node, type Value } from '../ir/graph.ts'
import { makersOf } from '../ir/uses.ts'
import { build, type Builder } from '../ops/builder.ts'
import { withoutCasts } from './casts.ts'
import { foldIdentities } from './identity.ts'
import { prune } from './prune.ts'
import { type Recognised, recognise } from './recognise.ts'
import { remake } from './replace.ts'
import { joinSlices } from './slices.ts'

/** A copy of the graph with fewer nodes and the same numbers. */
export function simplify(original: Graph): Graph {
  const graph = cloneGraph(withoutCasts(original))
  foldIdentities(graph)
  const simple: Graph = { ...cloneGraph(graph), nodes: [] }
  const g = build(simple)
  const makers = makersOf(graph)
  for (const node of graph.nodes) {
    const whole = recognise(graph, makers, node)
    if (whole) replace(simple, node, whole)
    else simple.nodes.push(node.opType === 'Reshape' ? knownReshape(g, node) : node)
  }
  joinSlices(simple)
  prune(simple)
  return simple
}

function replace(graph: Graph, node: Node, { opType, inputs, attributes = {} }: Recognised): void {
  const values = inputs.map((name) => getValue(graph, name))
  remake(graph, node.outputs[0] as string, opType, values, { name: node.name, attributes })
}

/** A Reshape to a constant: 0 where a size is that of the same axis, -1 for one other that is not a number. */
function knownReshape(g: Builder, node: Node): Node {
  const [x, shape] = node.inputs.map((name) => getValue(g.graph, name)) as [Value, Value]
  if (!shape.content || g.graph.initializers.has(shape.name) || node.attributes.allowzero) return node
  const sizes = shape.content.map((size, axis) => (typeof size === 'string' && size === x.shape[axis] ? 0 : size))
  const unknown = sizes.filter((size) => typeof size === 'string').length
  if (unknown > 1 || (unknown === 1 && sizes.includes(-1))) return node
  return { ...node, inputs: [x.name, g.int64(sizes.map((size) => (typeof size === 'string' ? -1 : size))).name] }
}
