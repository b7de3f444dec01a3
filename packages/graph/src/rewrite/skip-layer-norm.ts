// Makes one kernel of a residual sum and the normalization of it.

import { sameShape } from '../ir/dim.ts'
import { addValue, cloneGraph, type Graph, getValue, type Node, uniqueName } from '../ir/graph.ts'
import { sortNodes } from '../ir/sort.ts'
import { producersOf } from '../ir/uses.ts'
import { attributesOf } from '../ops/add-node.ts'

/** The operator of the runtime that also adds, for each normalization, and how many inputs the normalization has. */
const withSum: Readonly<Record<string, { opType: string; inputs: number }>> = {
  LayerNormalization: { opType: 'SkipLayerNormalization', inputs: 3 },
  SimplifiedLayerNormalization: { opType: 'SkipSimplifiedLayerNormalization', inputs: 2 },
}

/**
 * Rewrites the Add before each normalization of the last axis, layer normalization with its scale and shift or RMS
 * normalization with its scale, as part of it; a Reshape between them that keeps the last axis comes after it.
 */
export function skipLayerNorm(original: Graph): Graph {
  const graph = cloneGraph(original)
  const producers = producersOf(graph)
  const added = new Set<Node>()
  const nodes = graph.nodes.flatMap((node) => {
    const before = isPlain(graph, node) ? producers.get(node.inputs[0] as string) : undefined
    const reshape = before?.opType === 'Reshape' && keepsLast(graph, before) ? before : undefined
    const sum = reshape ? producers.get(reshape.inputs[0] as string) : before
    if (sum?.opType !== 'Add' || added.has(sum) || !isWhole(graph, sum)) return [node]
    added.add(sum)
    const [total = '', output = ''] = [sum.outputs[0], node.outputs[0]]
    const normal = reshape ? uniqueName(graph, `${output}.grid`) : output
    if (reshape) addValue(graph, { ...getValue(graph, total), name: normal })
    const fused = {
      ...node,
      opType: withSum[node.opType]?.opType as string,
      domain: 'com.microsoft',
      inputs: [...sum.inputs, ...node.inputs.slice(1)],
      outputs: [normal, '', '', total],
      attributes: { epsilon: attributesOf(node).epsilon as number },
    }
    return reshape
      ? [fused, { ...reshape, name: normal, inputs: [normal, reshape.inputs[1] as string], outputs: [output] }]
      : [fused]
  })
  graph.nodes = sortNodes({ ...graph, nodes: nodes.filter((node) => !added.has(node)) })
  return graph
}

/** Whether a Reshape to two or three axes keeps the last one, which is known. */
function keepsLast(graph: Graph, { inputs, outputs }: Node): boolean {
  const [from, to] = [inputs[0], outputs[0]].map((name) => getValue(graph, name as string).shape)
  return typeof to?.at(-1) === 'number' && from?.at(-1) === to.at(-1) && [2, 3].includes(from?.length ?? 0)
}

/** Whether a node normalizes the last axis of two or three, with all of its inputs, and gives no statistics. */
function isPlain(graph: Graph, node: Node): boolean {
  const { inputs } = withSum[node.opType] ?? {}
  if (node.inputs.filter((name) => name !== '').length !== inputs || node.outputs.length > 1) return false
  const { dtype, shape } = getValue(graph, node.inputs[0] as string)
  const axis = Number(attributesOf(node).axis)
  return dtype === 'float32' && [2, 3].includes(shape.length) && (axis === -1 || axis === shape.length - 1)
}

/** Whether both terms of a sum have its shape. */
const isWhole = (graph: Graph, { inputs, outputs }: Node): boolean =>
  inputs.every((name) => sameShape(getValue(graph, name).shape, getValue(graph, outputs[0] as string).shape))
