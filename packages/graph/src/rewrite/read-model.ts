// Reading a whole model: file, then the type of every value.

import { addValue, type Graph } from '../ir/graph.ts'
import { decodeGraph, type ReadOptions } from '../onnx/read.ts'
import { inferTypes } from '../ops/add-node.ts'
import type { OutputType } from '../ops/operator.ts'
import { withoutCasts } from './without-casts.ts'
import { float32Types } from './widen.ts'

export interface ReadModelOptions extends ReadOptions {
  /**
   * Read a float16, bfloat16 or float64 model as float32, in which training runs; weights are converted when they are
   * asked for. @default false
   */
  widen?: boolean
}

/**
 * Reads an ONNX model (opset 13 or later) and infers the dtype and symbolic shape of every value.
 * @throws {FormatError | GraphError | ShapeError | UnsupportedOperatorError} naming file, node and value.
 */
export function readModel(bytes: Uint8Array, { widen = false, ...options }: ReadModelOptions = {}): Graph {
  const decoded = decodeGraph(bytes, options)
  const graph = widen ? float32Types(decoded) : decoded
  for (const node of graph.nodes) {
    const types = inferTypes(graph, node, node.outputs.length)
    node.outputs.forEach((name, i) => {
      if (name !== '') addValue(graph, { name, ...(types[i] as OutputType) })
    })
  }
  return graph === decoded ? graph : withoutCasts(graph)
}
