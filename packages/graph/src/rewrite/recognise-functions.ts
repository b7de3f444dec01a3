// Functions that exporters write in many operators are one operator each, and shapes that inference knows are constants.

import { cloneGraph, type Graph, getValue, type Node, type Value } from '../ir/graph.ts'
import { makersOf } from '../ir/uses.ts'
import { build, type Builder } from '../ops/build.ts'
import { type Recognised, recognise } from './recognise.ts'
import { remake } from './rewrite-outputs.ts'

/** A copy in which recognised functions are made by one operator. What made them before is left: prune it. */
export function recogniseFunctions(graph: Graph): Graph {
  const simple: Graph = { ...cloneGraph(graph), nodes: [] }
  const g = build(simple)
  const makers = makersOf(graph)
  for (const node of graph.nodes) {
    const whole = recognise(graph, makers, node)
    if (whole) replace(simple, node, whole)
    else simple.nodes.push(node.opType === 'Reshape' ? knownReshape(g, node) : node)
  }
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
