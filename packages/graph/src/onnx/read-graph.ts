// Reads a graph as its file has it: decodes the file and infers the type of every value.

import { requireKind } from '../door.ts'
import { checkOptions } from '../options.ts'
import { cloneGraph, type Graph } from '../ir/graph.ts'
import { addNamed } from '../ops/add-node.ts'
import { decodeGraph, readChecks, type ReadOptions } from './read.ts'

/**
 * Reads an ONNX file of plain operators, such as these packages write, as it is, and infers the dtype and symbolic
 * shape of every value. `readModel` also reads fused and quantized operators; a bundle with this one alone has none of
 * their code.
 * @throws {FormatError | GraphError | ShapeError | UnsupportedOperatorError} naming file, node and value.
 * @throws {ConfigError} for an option that is unknown or out of its range.
 */
export function readGraph(bytes: Uint8Array, options: ReadOptions = {}): Graph {
  checkOptions('readGraph', options, readChecks)
  requireKind('readGraph, bytes', bytes, 'bytes')
  const decoded = decodeGraph(bytes, options)
  const graph: Graph = { ...cloneGraph(decoded), nodes: [] }
  for (const node of decoded.nodes) addNamed(graph, node)
  return graph
}
