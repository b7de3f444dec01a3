// Decodes an ONNX file into a graph: checks it, turns Constant nodes into initializers, and upgrades older operators to
// opset 20.

import { requireKind } from '../door.ts'
import { type Checks, checkOptions, object, text } from '../options.ts'
import { GraphError, UnsupportedOperatorError } from '../errors.ts'
import { type Dim, parseDim } from '../ir/dim.ts'
import { addInitializer, addInput, createGraph, type Graph, type Node, opset } from '../ir/graph.ts'
import { sortNodes } from '../ir/sort.ts'
import { dataTypeOfOnnx } from '../tensor/dtype.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { attributeTypesOf, readAttribute } from './attribute.ts'
import { decodeModel, type ModelProto, type NodeProto, type ValueInfoProto } from './proto.ts'
import { withoutCacheBranch } from './cache-branch.ts'
import { constantOf } from './constant.ts'
import { decodeChoice } from './constant-branches.ts'
import { type ExternalData, readTensor } from './tensor.ts'
import { upgrade } from './upgrade.ts'

/** Options of {@link readModel}. */
export interface ReadOptions {
  /** Name of the file, for errors. @default 'model' */
  where?: string
  /** Access to the files of external data. @default none: a model that has some is refused */
  externalData?: ExternalData
}

/** Checks of {@link ReadOptions}. */
export const readChecks: Checks<ReadOptions> = { where: text, externalData: object }

/** Oldest ai.onnx operator set that can be read. */
const oldestOpset = 11

/**
 * Decodes an ONNX file into nodes, inputs and initializers, without the types of inner values (see `readModel`).
 * @throws {FormatError} for damaged files, external data that is missing or outside of the model's folder.
 * @throws {GraphError} for cycles and dangling inputs.
 * Of a decoder that Optimum merged of one with and one without a cache, the one without is read.
 * @throws {UnsupportedOperatorError} for opsets older than 11, other control flow and unknown element types.
 * @throws {ConfigError} for an option that is unknown or out of its range.
 */
export function decodeGraph(bytes: Uint8Array, options: ReadOptions = {}): Graph {
  checkOptions('decodeGraph', options, readChecks)
  requireKind('decodeGraph, bytes', bytes, 'bytes')
  const { where = 'model', externalData } = options
  const model = decodeModel(bytes, where)
  const proto = withoutCacheBranch(model.graph, where)
  const version = Number(
    model.opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx')?.version ?? opset,
  )
  if (version < oldestOpset)
    throw new UnsupportedOperatorError({
      where,
      what: 'operator set too old',
      expected: `${oldestOpset} or later`,
      found: String(version),
      fix: 'Export the model again with a newer opset.',
    })
  const graph = createGraph(proto.name || 'model')
  graph.metadata = metadataOf(model)
  for (const initializer of proto.initializer)
    addInitializer(graph, initializer.name, readTensor(initializer, where, externalData))
  for (const value of proto.input)
    if (!graph.initializers.has(value.name)) addInput(graph, value.name, ...valueType(value, where))
  graph.outputs = proto.output.map(({ name }) => name)
  for (const node of proto.node) decodeNode(graph, node, version, where)
  graph.nodes = sortNodes(graph)
  checkOutputs(graph, where)
  return graph
}

const metadataOf = (model: ModelProto): Record<string, string> =>
  Object.fromEntries(model.metadataProps.map(({ key, value }) => [key, value]))

function checkOutputs(graph: Graph, where: string): void {
  const defined = new Set([
    ...graph.inputs,
    ...graph.initializers.keys(),
    ...graph.nodes.flatMap((node) => node.outputs),
  ])
  for (const name of graph.outputs)
    if (!defined.has(name)) throw new GraphError({ where, what: `output "${name}" is made by no node` })
}

/** Element type and shape of a file's input or output. @throws {UnsupportedOperatorError} if it is not a tensor. */
export function valueType(value: ValueInfoProto, where: string): [Tensor['dtype'], Dim[]] {
  const type = value.type?.tensorType
  if (!type)
    throw new UnsupportedOperatorError({
      where,
      what: `input "${value.name}" is not a tensor`,
      found: Object.entries(value.type ?? {}).find(([, one]) => one !== undefined)?.[0] ?? 'no type',
    })
  const dtype = dataTypeOfOnnx(type.elemType)
  if (!dtype)
    throw new UnsupportedOperatorError({
      where,
      what: `input "${value.name}" has an unknown element type`,
      found: String(type.elemType),
    })
  const dims = (type.shape?.dim ?? []).map(({ dimValue, dimParam }, i) =>
    dimValue === undefined ? parseDim(dimParam || `${value.name}.${i}`) : Number(dimValue),
  )
  return [dtype, dims]
}

function decodeNode(graph: Graph, proto: NodeProto, version: number, where: string): void {
  const name = proto.name || `${proto.opType}_${graph.nodes.length}`
  const at = `${where}, node "${name}"`
  if (proto.opType === 'If' && decodeChoice(graph, { ...proto, name }, at)) return
  if (proto.opType === 'Constant') {
    addInitializer(graph, proto.output[0] as string, constantOf(proto, at))
    return
  }
  const read = proto.attribute.map((attribute) => [attribute.name, readAttribute(attribute, proto.opType, at)] as const)
  const attributes = Object.fromEntries(read.map(([key, { value }]) => [key, value]))
  const domain = proto.domain === 'ai.onnx' ? '' : proto.domain
  const inputs = withoutTrailingOmitted(proto.input)
  const scope = scopeOf(proto)
  const node: Node = {
    name,
    opType: proto.opType,
    domain,
    inputs,
    outputs: withoutTrailingOmitted(proto.output),
    attributes,
    ...(scope ? { scope } : {}),
  }
  graph.nodes.push(upgrade(graph, { ...node, ...attributeTypesOf(node, read) }, version))
}

/**
 * The innermost module of a node. PyTorch's newer exporter lists "['', 'model', 'model.layers.0', 'linear']", where the
 * module is the last entry but one. The older one writes it in the path of the node's output
 * (`/model/layers.0/MatMul_output_0`), or of the node itself if the output is one of the graph. onnxruntime-genai's
 * builder has paths of modules in the names of nodes, and outputs behind them (`/lm_head/MatMul/output_0`).
 */
function scopeOf({ metadataProps, output: [output = ''], name }: NodeProto): string | undefined {
  const text = metadataProps.find(({ key }) => key === 'pkg.torch.onnx.name_scopes')?.value
  if (text !== undefined) return [...text.matchAll(/'([^']*)'/g)].at(-2)?.[1] || undefined
  const path = [/\/output_\d+$/.test(output) ? name : output, name].find((candidate) => /^\/.+\/[^/]+$/.test(candidate))
  return path?.split('/').slice(1, -1).join('.')
}

/** Names without the omitted ones ('') at the end. */
function withoutTrailingOmitted(names: readonly string[]): string[] {
  const last = names.findLastIndex((name) => name !== '')
  return names.slice(0, last + 1)
}
