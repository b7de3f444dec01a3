// ONNX file to graph: everything checked, constants turned into initializers, older operator forms brought up to opset 20.

import { FormatError, GraphError, UnsupportedOperatorError } from '../errors.ts'
import { type Dim, parseDim } from '../ir/dim.ts'
import { addInitializer, addInput, type Attribute, createGraph, type Graph, type Node, opset, uniqueName } from '../ir/graph.ts'
import { sortNodes } from '../ir/sort.ts'
import { dataTypeOfOnnx, dataTypes } from '../tensor/dtype.ts'
import { byteLength, type Tensor, tensor } from '../tensor/tensor.ts'
import {
  type AttributeProto,
  AttributeType,
  DataLocation,
  decodeModel,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from './proto.ts'

/** Gives access to a model's external-data files. */
export interface ExternalData {
  /** Size in bytes. @throws when there is no such file. */
  size: (location: string) => number
  /** Bytes of a range; called only when a tensor's elements are needed. */
  read: (location: string, offset: number, length: number) => Uint8Array
}

export interface ReadOptions {
  /** Name of the file, for errors. @default 'model' */
  where?: string
  externalData?: ExternalData
}

/** Oldest ai.onnx operator set whose forms are understood. */
const oldestOpset = 13

/**
 * Decodes an ONNX file into nodes, inputs and initializers; types of inner values are for `inferGraph` to find.
 * @throws {FormatError} for damaged files, external data that is missing or leaves the folder.
 * @throws {GraphError} for cycles and dangling inputs.
 * @throws {UnsupportedOperatorError} for opsets older than 13, control flow and unknown element types.
 */
export function decodeGraph(bytes: Uint8Array, { where = 'model', externalData }: ReadOptions = {}): Graph {
  const model = decodeModel(bytes, where)
  const proto = model.graph as GraphProto
  const version = Number(model.opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx')?.version ?? opset)
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
  for (const initializer of proto.initializer) addInitializer(graph, initializer.name, readTensor(initializer, where, externalData))
  for (const value of proto.input) if (!graph.initializers.has(value.name)) addInput(graph, value.name, ...valueType(value, where))
  graph.outputs = proto.output.map(({ name }) => name)
  for (const node of proto.node) decodeNode(graph, node, version, where)
  graph.nodes = sortNodes(graph)
  checkOutputs(graph, where)
  return graph
}

const metadataOf = (model: ModelProto): Record<string, string> => Object.fromEntries(model.metadataProps.map(({ key, value }) => [key, value]))

function checkOutputs(graph: Graph, where: string): void {
  const made = new Set([...graph.inputs, ...graph.initializers.keys(), ...graph.nodes.flatMap((node) => node.outputs)])
  for (const name of graph.outputs) if (!made.has(name)) throw new GraphError({ where, what: `output "${name}" is made by no node` })
}

function valueType(value: ValueInfoProto, where: string): [Tensor['dtype'], Dim[]] {
  const type = value.type?.value
  if (type?.case !== 'tensorType') throw new UnsupportedOperatorError({ where, what: `input "${value.name}" is not a tensor`, found: type?.case ?? 'no type' })
  const dtype = dataTypeOfOnnx(type.value.elemType)
  if (!dtype) throw new UnsupportedOperatorError({ where, what: `input "${value.name}" has an unknown element type`, found: String(type.value.elemType) })
  const dims = (type.value.shape?.dim ?? []).map(({ value: dim }, i) => {
    if (dim.case === 'dimValue') return Number(dim.value)
    return dim.case === 'dimParam' && dim.value ? parseDim(dim.value) : parseDim(`${value.name}.${i}`)
  })
  return [dtype, dims]
}

function readTensor(proto: TensorProto, where: string, externalData?: ExternalData): Tensor {
  const at = `${where}, tensor "${proto.name}"`
  const dtype = dataTypeOfOnnx(proto.dataType)
  if (!dtype) throw new UnsupportedOperatorError({ where: at, what: 'unknown element type', found: String(proto.dataType) })
  const dims = proto.dims.map(Number)
  if (proto.dataLocation === DataLocation.EXTERNAL) return externalTensor(proto, { dtype, dims }, at, externalData)
  const expected = byteLength({ dtype, dims })
  if (proto.rawData.length > 0 || expected === 0) {
    if (proto.rawData.length !== expected)
      throw new FormatError({ where: at, what: 'wrong number of bytes', expected: String(expected), found: String(proto.rawData.length) })
    return { dtype, dims, bytes: () => proto.rawData }
  }
  const { array } = dataTypes[dtype]
  const values = [proto.floatData, proto.int32Data, proto.int64Data, proto.doubleData, proto.uint64Data].find((list) => list.length > 0) ?? []
  const big = dtype === 'int64' || dtype === 'uint64'
  const data = new array(values.length)
  ;(values as ArrayLike<number | bigint> & Iterable<number | bigint> as (number | bigint)[]).forEach((value, i) => {
    data[i] = big ? BigInt(value) : Number(value)
  })
  return tensor(dtype, dims, data)
}

function externalTensor(proto: TensorProto, type: Pick<Tensor, 'dtype' | 'dims'>, at: string, externalData?: ExternalData): Tensor {
  const entries = new Map(proto.externalData.map(({ key, value }) => [key, value]))
  const location = entries.get('location') ?? ''
  if (location === '' || /^([/\\]|[A-Za-z]:)/.test(location) || location.split(/[/\\]/).includes('..'))
    throw new FormatError({ where: at, what: "external data leaves the model's folder", found: JSON.stringify(location) })
  if (!externalData)
    throw new FormatError({
      where: at,
      what: `its data is in "${location}", which was not given`,
      fix: 'Read the model from its folder, or pass externalData.',
    })
  const offset = Number(entries.get('offset') ?? 0)
  const length = byteLength(type)
  const size = externalData.size(location)
  const declared = Number(entries.get('length') ?? length)
  if (declared !== length || !Number.isSafeInteger(offset) || offset < 0 || offset + length > size) {
    throw new FormatError({
      where: at,
      what: `its range in "${location}" is impossible`,
      expected: `${length} bytes inside ${size}`,
      found: `offset ${entries.get('offset') ?? 0}, length ${declared}`,
    })
  }
  return { ...type, bytes: () => externalData.read(location, offset, length) }
}

function decodeNode(graph: Graph, proto: NodeProto, version: number, where: string): void {
  const name = proto.name || `${proto.opType}_${graph.nodes.length}`
  const at = `${where}, node "${name}"`
  const attributes = Object.fromEntries(proto.attribute.map((attribute) => [attribute.name, readAttribute(attribute, proto.opType, at)]))
  if (proto.opType === 'Constant') {
    addInitializer(graph, proto.output[0] as string, constantOf(attributes, at))
    return
  }
  const domain = proto.domain === 'ai.onnx' ? '' : proto.domain
  const inputs = trimmed(proto.input)
  const scope = scopeOf(proto)
  const node: Node = { name, opType: proto.opType, domain, inputs, outputs: trimmed(proto.output), attributes, ...(scope ? { scope } : {}) }
  graph.nodes.push(upgrade(graph, node, version))
}

/** The innermost module of PyTorch's newer exporter: the last but one of "['', 'model', 'model.layers.0', 'linear']". */
function scopeOf({ metadataProps }: NodeProto): string | undefined {
  const text = metadataProps.find(({ key }) => key === 'pkg.torch.onnx.name_scopes')?.value
  return [...(text ?? '').matchAll(/'([^']*)'/g)].at(-2)?.[1] || undefined
}

/** Without omitted names at the end. */
function trimmed(names: readonly string[]): string[] {
  const last = names.findLastIndex((name) => name !== '')
  return names.slice(0, last + 1)
}

function readAttribute(attribute: AttributeProto, opType: string, at: string): Attribute {
  switch (attribute.type) {
    case AttributeType.FLOAT:
      return attribute.f
    case AttributeType.INT:
      return Number(attribute.i)
    case AttributeType.STRING:
      return new TextDecoder().decode(attribute.s)
    case AttributeType.INTS:
      return attribute.ints.map(Number)
    case AttributeType.FLOATS:
      return [...attribute.floats]
    case AttributeType.STRINGS:
      return attribute.strings.map((text) => new TextDecoder().decode(text))
    case AttributeType.TENSOR:
      return readTensor(attribute.t as TensorProto, at)
    default:
      throw new UnsupportedOperatorError({
        where: at,
        what: `attribute "${attribute.name}" of ${opType} holds a graph: control flow is not supported`,
        fix: 'Export the model without If, Loop or Scan.',
      })
  }
}

function constantOf(attributes: Record<string, Attribute>, at: string): Tensor {
  const { value, value_float: float, value_int: int, value_ints: ints, value_floats: floats } = attributes
  if (value && typeof value === 'object' && 'bytes' in value) return value
  if (typeof float === 'number') return tensor('float32', [], Float32Array.of(float))
  if (typeof int === 'number') return tensor('int64', [], BigInt64Array.of(BigInt(int)))
  if (Array.isArray(ints)) return tensor('int64', [ints.length], BigInt64Array.from(ints as number[], BigInt))
  if (Array.isArray(floats)) return tensor('float32', [floats.length], Float32Array.from(floats as number[]))
  throw new UnsupportedOperatorError({ where: at, what: 'a constant of this kind is not supported', found: Object.keys(attributes).join(', ') })
}

/** Brings a node of opset 13 to 19 to its form in opset 20: reductions other than ReduceSum took their axes as an attribute. */
function upgrade(graph: Graph, node: Node, version: number): Node {
  const { axes, ...rest } = node.attributes
  if (version >= 18 || !node.opType.startsWith('Reduce') || !Array.isArray(axes)) return node
  const input = uniqueName(graph, `${node.name}.axes`)
  addInitializer(graph, input, tensor('int64', [axes.length], BigInt64Array.from(axes as number[], BigInt)))
  return { ...node, inputs: [...node.inputs, input], attributes: rest }
}
