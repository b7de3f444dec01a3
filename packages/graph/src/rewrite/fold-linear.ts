// A linear layer becomes one Gemm on rows. The matrix stays as it is: a runtime would fold its Transpose into a second
// copy of every weight.

import { cloneGraph, type Graph, getValue, type Node, type Value } from '../ir/graph.ts'
import { addNode } from '../ops/add-node.ts'
import { build } from '../ops/build.ts'
import { linearNodes } from './linear-nodes.ts'
import { memoize } from './memoize.ts'
import { remake } from './rewrite-outputs.ts'

/** A copy of the graph with each MatMul with a matrix that it holds as a Gemm, the bias in it. Names of values stay. */
export function foldLinear(graph: Graph): Graph {
  const linear = linearNodes(graph)
  const folded: Graph = { ...cloneGraph(graph), nodes: [] }
  const g = build(folded)
  /** The rows of a value, the shape to give a product back. */
  const shared = memoize<Value>()
  const dropped = new Set<Node>()
  for (const node of graph.nodes) {
    if (dropped.has(node)) continue
    const layer = node.opType === 'MatMul' ? linear.get(node.outputs[0] as string) : undefined
    const x = layer && getValue(folded, node.inputs[0] as string)
    const rank = x?.shape.length ?? 0
    if (!layer || !x || rank < 2) {
      folded.nodes.push(node)
      continue
    }
    const add = graph.outputs.includes(node.outputs[0] as string) ? undefined : layer.add
    if (add) dropped.add(add)
    const output = (add ?? node).outputs[0] as string
    const rows = rank === 2 ? x : shared(`rows ${x.name}`, () => g.Reshape(x, g.int64([-1, layer.in_features])))
    const inputs = [rows, getValue(folded, layer.weight), ...(add ? [getValue(folded, layer.bias as string)] : [])]
    const options = { name: node.name, scope: node.scope, attributes: layer.transposed ? { transB: 1 } : {} }
    if (rank === 2) {
      remake(folded, output, 'Gemm', inputs, options)
    } else {
      const product = addNode(folded, 'Gemm', inputs, options)[0] as Value
      const shape = shared(`shape ${x.name} ${layer.out_features}`, () =>
        g.Concat(g.Shape(x, { start: 0, end: rank - 1 }), g.int64([layer.out_features]), { axis: 0 }),
      )
      remake(folded, output, 'Reshape', [product, shape])
    }
  }
  return folded
}
