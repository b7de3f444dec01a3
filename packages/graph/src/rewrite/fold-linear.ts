// Rewrites linear layers as one Gemm on rows. The matrix is not transposed: a runtime would fold its Transpose into a
// second copy of every weight.

import { requireKind } from '../door.ts'
import { cloneGraph, type Graph, getValue, type Node, type Value } from '../ir/graph.ts'
import { addNode } from '../ops/add-node.ts'
import { build } from '../ops/build.ts'
import { linearNodes } from './linear-nodes.ts'
import { memoize } from './memoize.ts'
import { replaceProducer } from './rewrite-outputs.ts'

/** A copy of the graph where each MatMul with a constant matrix, and its bias, is one Gemm. Values keep their names. */
export function foldLinear(graph: Graph): Graph {
  requireKind('foldLinear, graph', graph, 'graph')
  const linear = linearNodes(graph)
  const folded: Graph = { ...cloneGraph(graph), nodes: [] }
  const g = build(folded)
  /** The rows of an input, and the shape of a product, shared by the layers that read the input. */
  const shared = memoize<Value>()
  const fused = new Set<Node>()
  for (const node of graph.nodes) {
    if (fused.has(node)) continue
    const layer = node.opType === 'MatMul' ? linear.get(node.outputs[0] as string) : undefined
    const x = layer && getValue(folded, node.inputs[0] as string)
    const rank = x?.shape.length ?? 0
    if (!layer || !x || rank < 2) {
      folded.nodes.push(node)
      continue
    }
    const add = graph.outputs.includes(node.outputs[0] as string) ? undefined : layer.add
    if (add) fused.add(add)
    const output = (add ?? node).outputs[0] as string
    const rows = rank === 2 ? x : shared(`rows ${x.name}`, () => g.Reshape(x, g.int64([-1, layer.inFeatures])))
    const inputs = [rows, getValue(folded, layer.weight), ...(add ? [getValue(folded, layer.bias as string)] : [])]
    const options = { name: node.name, scope: node.scope, attributes: layer.transposed ? { transB: 1 } : {} }
    if (rank === 2) {
      replaceProducer(folded, output, 'Gemm', inputs, options)
    } else {
      const product = addNode(folded, 'Gemm', inputs, options)[0] as Value
      const shape = shared(`shape ${x.name} ${layer.outFeatures}`, () =>
        g.Concat(g.Shape(x, { start: 0, end: rank - 1 }), g.int64([layer.outFeatures]), { axis: 0 }),
      )
      replaceProducer(folded, output, 'Reshape', [product, shape])
    }
  }
  return folded
}
