// Computes products with few columns, those of LoRA's small matrices, as the transpose of their transpose. The kernels
// compute 16 columns at a time, so that 8 columns cost as much as 16; rows they compute two at a time.

import { cloneGraph, type Graph, getValue, type Node } from '../../ir/graph.ts'
import { build } from '../../ops/build.ts'
import { prune } from '../prune.ts'
import { replaceProducer } from '../rewrite-outputs.ts'

/** Columns that the kernels compute at a time. */
const kernelColumns = 16

/**
 * Rewrites A B with at most half of the columns that the kernels compute at a time as (B' A')'. Gemms read B' A' as it
 * is; the others read its transpose.
 */
export function narrowProducts(original: Graph): Graph {
  const graph = cloneGraph(original)
  const nodes = graph.nodes
  graph.nodes = []
  const g = build(graph)
  const transposes = new Map<string, string>()
  for (const read of nodes) {
    const node = readTransposes(read, transposes)
    if (!isNarrow(graph, node)) {
      graph.nodes.push(node)
      continue
    }
    const [a = '', b = ''] = node.inputs
    const { transA = 0, transB = 0, alpha = 1 } = node.attributes
    const product = g.Gemm(getValue(graph, b), getValue(graph, a), {
      transA: transB ? 0 : 1,
      transB: transA ? 0 : 1,
      alpha: alpha as number,
    })
    const output = node.outputs[0] as string
    transposes.set(output, product.name)
    replaceProducer(graph, output, 'Transpose', [product], { name: node.name, attributes: { perm: [1, 0] } })
  }
  prune(graph)
  return graph
}

/** A Gemm that reads a transpose, where there is one, in the other order. */
function readTransposes(node: Node, transposes: ReadonlyMap<string, string>): Node {
  if (node.opType !== 'Gemm') return node
  const [a, b] = node.inputs.slice(0, 2).map((name) => transposes.get(name))
  const { transA = 0, transB = 0 } = node.attributes
  return {
    ...node,
    inputs: [a ?? (node.inputs[0] as string), b ?? (node.inputs[1] as string), ...node.inputs.slice(2)],
    attributes: {
      ...node.attributes,
      ...(a ? { transA: transA ? 0 : 1 } : {}),
      ...(b ? { transB: transB ? 0 : 1 } : {}),
    },
  }
}

/** Whether a node is a product of float32 matrices with few columns, and with more rows. */
function isNarrow(graph: Graph, { opType, inputs, outputs }: Node): boolean {
  if (opType !== 'Gemm' || inputs[2]) return false
  const { dtype, shape } = getValue(graph, outputs[0] as string)
  const [rows, columns] = shape
  const hasRows = typeof rows !== 'number' || rows >= kernelColumns
  return dtype === 'float32' && hasRows && typeof columns === 'number' && columns <= kernelColumns / 2
}
