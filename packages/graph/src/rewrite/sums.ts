// Sums over rows as products with a row of ones, which runtimes compute up to five times as fast as a ReduceSum of the first axes. The gradient of
// each bias and each scale of a normalization is such a sum.

import { type Graph, getValue, type Node, type Value } from '../ir/graph.ts'
import { build, type Builder } from '../ops/builder.ts'

/** Rewrites, in place, each float32 ReduceSum that keeps the last axis alone. */
export function sumByProduct(graph: Graph): void {
  const nodes = graph.nodes
  graph.nodes = []
  const g = build(graph)
  const ones = rowsOfOnes(g)
  for (const node of nodes) {
    const x = node.opType === 'ReduceSum' ? getValue(graph, node.inputs[0] as string) : undefined
    const width = x?.shape.at(-1)
    if (!x || typeof width !== 'number' || !keepsLastAxis(graph, node, x)) {
      graph.nodes.push(node)
      continue
    }
    const rows = x.shape.length === 2 ? x : g.Reshape(x, g.int64([-1, width]))
    const sum = g.Gemm(ones(x, rows), rows)
    graph.nodes.push({ ...node, opType: 'Reshape', inputs: [sum.name, g.int64([width]).name], attributes: {} })
  }
}

function keepsLastAxis(graph: Graph, { inputs, attributes }: Node, { dtype, shape }: Value): boolean {
  const axes = getValue(graph, inputs[1] || (inputs[0] as string)).content
  const leading = shape.slice(0, -1).map((_, i) => i)
  return dtype === 'float32' && attributes.keepdims === 0 && leading.length > 0 && String(axes) === String(leading)
}

/** [1, rows]; made once for all values of equally many rows. */
function rowsOfOnes(g: Builder): (x: Value, rows: Value) => Value {
  const made = new Map<string, Value>()
  return (x, rows) => {
    const key = String(x.shape.slice(0, -1))
    const value = made.get(key) ?? g.Expand(g.scalar(1), g.Concat(g.int64([1]), g.Shape(rows, { start: 0, end: 1 }), { axis: 0 }))
    made.set(key, value)
    return value
  }
}
