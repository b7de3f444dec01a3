// Reads the outline of a model that is run but not rewritten. It ignores the operator table, so that quantized and
// fused operators of a runtime pass.

import { requireKind } from '../door.ts'
import { checkOptions } from '../options.ts'
import type { Graph, Node } from '../ir/graph.ts'
import { addInitializer, addValue, createGraph } from '../ir/graph.ts'
import { dataTypeOfOnnx } from '../tensor/dtype.ts'
import { AttributeType, decodeModel, type NodeProto } from './proto.ts'
import { readChecks, type ReadOptions, valueType } from './read.ts'
import { externalLocations, readTensor } from './tensor.ts'

/**
 * A graph with a file's inputs, its outputs as the file declares them, its initializers of known element types, and its
 * nodes with integer attributes only. It describes a session that runs the file itself; it cannot be written or
 * rewritten.
 * @throws {FormatError | UnsupportedOperatorError} for a damaged file, external data outside of the model's folder, or
 * an input that is not a tensor; whatever `externalData` throws for a missing file.
 * @throws {ConfigError} for an option that is unknown or out of its range.
 */
export function readOutline(bytes: Uint8Array, options: ReadOptions = {}): Graph {
  checkOptions('readOutline', options, readChecks)
  requireKind('readOutline, bytes', bytes, 'bytes')
  const { where = 'model', externalData } = options
  const proto = decodeModel(bytes, where).graph
  const graph = createGraph(proto.name || 'model')
  if (externalData) for (const location of externalLocations(bytes, where)) externalData.size(location)
  for (const initializer of proto.initializer) {
    if (dataTypeOfOnnx(initializer.dataType) && !graph.values.has(initializer.name))
      addInitializer(graph, initializer.name, readTensor(initializer, where, externalData))
  }
  const initializers = new Set(proto.initializer.map(({ name }) => name))
  for (const value of proto.input.filter(({ name }) => !initializers.has(name))) {
    const [dtype, shape] = valueType(value, where)
    addValue(graph, { name: value.name, dtype, shape })
    graph.inputs.push(value.name)
  }
  for (const value of proto.output) {
    graph.outputs.push(value.name)
    if (graph.values.has(value.name) || !value.type?.tensorType?.shape) continue
    const [dtype, shape] = valueType(value, where)
    addValue(graph, { name: value.name, dtype, shape })
  }
  graph.nodes = proto.node.map(outlineNode)
  return graph
}

const outlineNode = ({ name, opType, domain, input, output, attribute }: NodeProto): Node => ({
  name,
  opType,
  domain,
  inputs: [...input],
  outputs: [...output],
  attributes: Object.fromEntries(
    attribute.filter(({ type }) => type === AttributeType.INT).map(({ name: key, i }) => [key, Number(i)]),
  ),
})
