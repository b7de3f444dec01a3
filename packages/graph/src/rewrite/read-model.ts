// Reading a whole model: file, then the type of every value.

import { addValue, type Attribute, type Graph, initializerValue, type Node } from '../ir/graph.ts'
import { decodeGraph, type ReadOptions } from '../onnx/read.ts'
import { inferTypes } from '../ops/builder.ts'
import type { OutputType } from '../ops/operator.ts'
import { dataTypes } from '../tensor/dtype.ts'
import { type Tensor, tensor, toFloat32 } from '../tensor/tensor.ts'

export interface ReadModelOptions extends ReadOptions {
  /** Read a float16 model as float32, in which training runs; weights are widened when they are asked for. @default false */
  widen?: boolean
}

/**
 * Reads an ONNX model (opset 13 or later) and infers the dtype and symbolic shape of every value.
 * @throws {FormatError | GraphError | ShapeError | UnsupportedOperatorError} naming file, node and value.
 */
export function readModel(bytes: Uint8Array, { widen = false, ...options }: ReadModelOptions = {}): Graph {
  const graph = decodeGraph(bytes, options)
  if (widen) widenGraph(graph)
  for (const node of graph.nodes) {
    const types = inferTypes(graph, node, node.outputs.length)
    node.outputs.forEach((name, i) => {
      if (name !== '') addValue(graph, { name, ...(types[i] as OutputType) })
    })
  }
  return graph
}

const isHalf = (dtype: Tensor['dtype']): boolean => dtype === 'float16' || dtype === 'bfloat16'

const widenTensor = (data: Tensor): Tensor =>
  isHalf(data.dtype) ? { dtype: 'float32', dims: data.dims, bytes: () => tensor('float32', data.dims, toFloat32(data)).bytes() } : data

/** Makes float32 of 16-bit floats: initializers, inputs, constants in attributes, and what Casts cast to. */
function widenGraph(graph: Graph): void {
  for (const [name, data] of graph.initializers) {
    const wide = widenTensor(data)
    graph.initializers.set(name, wide)
    graph.values.set(name, initializerValue(name, wide))
  }
  for (const name of graph.inputs) {
    const value = graph.values.get(name)
    if (value && isHalf(value.dtype)) graph.values.set(name, { ...value, dtype: 'float32' })
  }
  graph.nodes = graph.nodes.map(widenNode)
}

function widenNode(node: Node): Node {
  const halves = [dataTypes.float16.onnx, dataTypes.bfloat16.onnx]
  const wide = (name: string, value: Attribute): Attribute => {
    if (node.opType === 'Cast' && name === 'to' && halves.includes(value as number)) return dataTypes.float32.onnx
    return typeof value === 'object' && 'bytes' in value ? widenTensor(value) : value
  }
  return { ...node, attributes: Object.fromEntries(Object.entries(node.attributes).map(([name, value]) => [name, wide(name, value)])) }
}
