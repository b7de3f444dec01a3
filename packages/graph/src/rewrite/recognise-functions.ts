// Replaces functions that exporters write as several operators by one operator, and known shapes by constants.

import { cloneGraph, type Graph, getValue, type Node, type Value } from '../ir/graph.ts'
import { producersOf } from '../ir/uses.ts'
import { build, type Builder } from '../ops/build.ts'
import { type Recognised, recognise } from './recognise.ts'
import { replaceProducer } from './rewrite-outputs.ts'

/** A copy where one operator computes each recognised function. The old operators remain: call `prune` afterwards. */
export function recogniseFunctions(graph: Graph): Graph {
  const result: Graph = { ...cloneGraph(graph), nodes: [] }
  const g = build(result)
  const producers = producersOf(graph)
  for (const node of graph.nodes) {
    const recognised = recognise(graph, producers, node)
    if (recognised) replace(result, node, recognised)
    else result.nodes.push(node.opType === 'Reshape' ? withConstantShape(g, node) : node)
  }
  return result
}

function replace(graph: Graph, node: Node, { opType, inputs, attributes = {} }: Recognised): void {
  const values = inputs.map((name) => getValue(graph, name))
  replaceProducer(graph, node.outputs[0] as string, opType, values, { name: node.name, attributes })
}

/**
 * A Reshape with a constant target, if its shape is known: 0 for a symbol equal to the input's size at that axis, -1
 * for at most one other symbol.
 */
function withConstantShape(g: Builder, node: Node): Node {
  const [x, shape] = node.inputs.map((name) => getValue(g.graph, name)) as [Value, Value]
  if (!shape.content || g.graph.initializers.has(shape.name) || node.attributes.allowzero) return node
  const sizes = shape.content.map((size, axis) => (typeof size === 'string' && size === x.shape[axis] ? 0 : size))
  const unknown = sizes.filter((size) => typeof size === 'string').length
  if (unknown > 1 || (unknown === 1 && sizes.includes(-1))) return node
  return { ...node, inputs: [x.name, g.int64(sizes.map((size) => (typeof size === 'string' ? -1 : size))).name] }
}
