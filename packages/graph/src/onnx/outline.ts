// What a program must know of a model that it only runs: no table of operators is asked, so that a runtime's own
// (quantized, fused) pass.

import type { Graph, Node } from '../ir/graph.ts'
import { addInitializer, addValue, createGraph } from '../ir/graph.ts'
import { dataTypeOfOnnx } from '../tensor/dtype.ts'
import { AttributeType, decodeModel, type GraphProto, type NodeProto } from './proto.ts'
import { type ReadOptions, valueType } from './read.ts'
import { externalLocations, readTensor } from './tensor.ts'

/**
 * A graph with a file's inputs, its outputs as the file declares them, its initializers of known element types, and its
 * nodes with whole-number attributes only: for feeding and asking a session that runs the file itself, not for writing
 * or rewriting.
 * @throws {FormatError | UnsupportedOperatorError} for a damaged file, external data that leaves the folder, an input
 * that is no tensor; what `externalData` throws for a file that is missing.
 */
export function readOutline(bytes: Uint8Array, { where = 'model', externalData }: ReadOptions = {}): Graph {
  const proto = decodeModel(bytes, where).graph as GraphProto
  const graph = createGraph(proto.name || 'model')
  if (externalData) for (const location of externalLocations(bytes, where)) externalData.size(location)
  for (const initializer of proto.initializer) {
    if (dataTypeOfOnnx(initializer.dataType) && !graph.values.has(initializer.name))
      addInitializer(graph, initializer.name, readTensor(initializer, where, externalData))
  }
  const given = new Set(proto.initializer.map(({ name }) => name))
  for (const value of proto.input.filter(({ name }) => !given.has(name))) {
    const [dtype, shape] = valueType(value, where)
    addValue(graph, { name: value.name, dtype, shape })
    graph.inputs.push(value.name)
  }
  for (const value of proto.output) {
    graph.outputs.push(value.name)
    if (graph.values.has(value.name) || value.type?.value.case !== 'tensorType' || !value.type.value.value.shape)
      continue
    const [dtype, shape] = valueType(value, where)
    addValue(graph, { name: value.name, dtype, shape })
  }
  graph.nodes = proto.node.map(outlined)
  return graph
}

const outlined = ({ name, opType, domain, input, output, attribute }: NodeProto): Node => ({
  name,
  opType,
  domain,
  inputs: [...input],
  outputs: [...output],
  attributes: Object.fromEntries(
    attribute.filter(({ type }) => type === AttributeType.INT).map(({ name: key, i }) => [key, Number(i)]),
  ),
})
