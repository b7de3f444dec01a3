// Joins products of one value with several thin matrices, x A1', x A2', ..., into one product with the stacked
// matrices, which reads x once. LoRA's A at query, key and value are such matrices. Run it before differentiation: then
// the gradient of x is one product too, and those of the thin matrices are another.

import { requireKind } from '../door.ts'
import { cloneGraph, getValue, type Graph, type Node } from '../ir/graph.ts'
import { addNode, attributesOf } from '../ops/add-node.ts'
import { build } from '../ops/build.ts'

/** Maximum number of outputs of a thin product: stacking copies the matrices at every step. */
const maxThin = 128

/** Maximum number of products joined: WebGPU binds eight buffers to a shader, and Concat and Split use one for each. */
const maxGroup = 6

/** Rewrites Gemms of one value with several thin matrices that are inputs of the graph. */
export function joinSharedInputs(original: Graph): Graph {
  requireKind('joinSharedInputs, original', original, 'graph')
  const graph = cloneGraph(original)
  const groups = groupsOf(graph)
  const nodes = graph.nodes
  graph.nodes = []
  const g = build(graph)
  for (const node of nodes) {
    const group = groups.get(node) ?? []
    if (group.length < 2) graph.nodes.push(node)
    if (group.length < 2 || node !== group[0]) continue
    const matrices = group.map(({ inputs }) => getValue(graph, inputs[1] as string))
    const joint = g.Gemm(getValue(graph, node.inputs[0] as string), g.Concat(...matrices, { axis: 0 }), { transB: 1 })
    const outputs = group.map(({ outputs: [output] }) => output as string)
    for (const output of outputs) graph.values.delete(output)
    addNode(graph, 'Split', [joint, g.int64(matrices.map(({ shape }) => shape[0] as number))], {
      outputs,
      attributes: { axis: 1 },
    })
  }
  return graph
}

/** The group of products that each thin product is joined with, itself included. */
function groupsOf(graph: Graph): Map<Node, Node[]> {
  const open = new Map<string, Node[]>()
  const groups = new Map<Node, Node[]>()
  for (const node of graph.nodes) {
    if (!isThin(graph, node)) continue
    const x = node.inputs[0] as string
    const last = open.get(x)
    const group = last && last.length < maxGroup ? last : []
    group.push(node)
    open.set(x, group)
    groups.set(node, group)
  }
  return groups
}

function isThin(graph: Graph, node: Node): boolean {
  if (node.opType !== 'Gemm' || node.inputs.length !== 2 || !graph.inputs.includes(node.inputs[1] as string))
    return false
  const { transA, transB, alpha } = attributesOf(node)
  const rows = getValue(graph, node.inputs[1] as string).shape[0]
  return transA === 0 && transB === 1 && alpha === 1 && typeof rows === 'number' && rows <= maxThin
}
