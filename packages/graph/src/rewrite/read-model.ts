// Reading a whole model: file, then the type of every value.

import { addValue, type Graph } from '../ir/graph.ts'
import { decodeGraph, type ReadOptions } from '../onnx/read.ts'
import { inferTypes } from '../ops/builder.ts'
import type { OutputType } from '../ops/operator.ts'

/**
 * Reads an ONNX model (opset 13 or later) and infers the dtype and symbolic shape of every value.
 * @throws {FormatError | GraphError | ShapeError | UnsupportedOperatorError} naming file, node and value.
 */
export function readModel(bytes: Uint8Array, options: ReadOptions = {}): Graph {
  const graph = decodeGraph(bytes, options)
  for (const node of graph.nodes) {
    const types = inferTypes(graph, node, node.outputs.length)
    node.outputs.forEach((name, i) => {
      if (name !== '') addValue(graph, { name, ...(types[i] as OutputType) })
    })
  }
  return graph
}
