// Holds frozen matrices in float16 and computes in float32: half of the memory that weights take on a GPU.

import { requireKind } from '../door.ts'
import { addInitializer, cloneGraph, type Graph, getValue, type Node, type Value } from '../ir/graph.ts'
import { build, type Builder } from '../ops/build.ts'
import { dataTypes } from '../tensor/dtype.ts'
import { fitsHalves, float32ToFloat16 } from '../tensor/float16.ts'
import { lazyTensor, type Tensor, tensor, toFloat32 } from '../tensor/tensor.ts'
import { isFrozenMatrix, minElements } from './frozen-matrix.ts'
import { prune } from './prune.ts'
import { replaceProducer } from './rewrite-outputs.ts'

/** A tensor in float16, rounded to nearest, on demand. */
export const asFloat16 = (data: Tensor): Tensor =>
  lazyTensor('float16', data.dims, () => tensor('float16', data.dims, float32ToFloat16(toFloat32(data))))

/** Whether no finite number of a tensor is beyond float16's range. */
export const fitsFloat16 = (data: Tensor): boolean => fitsHalves(toFloat32(data))

/**
 * A copy of the graph whose large frozen matrices are float16. A lookup converts the rows that it reads; every other
 * reader has a Cast of its own, whose result is freed after the reader has run. Values keep their names.
 * @param minimum Number of elements below which a matrix stays in float32. @default 4096
 */
export function float16Matrices(graph: Graph, minimum = minElements): Graph {
  requireKind('float16Matrices, graph', graph, 'graph')
  const result: Graph = { ...cloneGraph(graph), nodes: [] }
  const g = build(result)
  const halves = new Map<string, Value>()
  for (const [name, data] of graph.initializers) {
    if (!isFrozenMatrix(graph, name, minimum) || data.packed || !fitsFloat16(data)) continue
    halves.set(name, addInitializer(result, `${name}.float16`, asFloat16(data)))
  }
  if (halves.size === 0) return graph
  for (const node of graph.nodes) {
    const [first = ''] = node.inputs
    const table = node.opType === 'Gather' && !node.attributes.axis ? halves.get(first) : undefined
    if (table) lookUp(g, node, table)
    else result.nodes.push({ ...node, inputs: node.inputs.map((name) => floatOf(g, name, halves.get(name))) })
  }
  prune(result)
  return result
}

/** The rows of a lookup as float32, under the name that they had. */
function lookUp(g: Builder, node: Node, matrix: Value): void {
  const rows = g.Gather(matrix, getValue(g.graph, node.inputs[1] as string))
  const attributes = { to: dataTypes.float32.onnx }
  replaceProducer(g.graph, node.outputs[0] as string, 'Cast', [rows], {
    name: node.name,
    scope: node.scope,
    attributes,
  })
}

/** The name of a matrix as float32, by a Cast for this reader. */
const floatOf = (g: Builder, name: string, half: Value | undefined): string =>
  half ? g.Cast(half, { to: dataTypes.float32.onnx }).name : name
