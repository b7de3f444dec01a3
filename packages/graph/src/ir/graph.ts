// The graph as plain data, like ONNX's: named values with dtype and symbolic shape, nodes in topological order.

import { requireKind } from '../door.ts'
import { GraphError } from '../errors.ts'
import { type DataType, dataTypes } from '../tensor/dtype.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Dim } from './dim.ts'

/** Dimensions of a value: numbers, or polynomials of named dimensions such as `2*batch*sequence+1`. */
export type Shape = readonly Dim[]

/** The element type and the shape of a value. */
export interface ValueType {
  readonly dtype: DataType
  readonly shape: Shape
}

/** A named value of a graph. */
export interface Value extends ValueType {
  readonly name: string
  /** Elements of a small integer value computed from shapes, as numbers or symbolic dimensions. */
  readonly content?: readonly Dim[]
}

/** TypeScript type of each ONNX attribute type (AttributeProto.AttributeType, in lower case). */
export interface AttributeValues {
  int: number
  float: number
  string: string
  tensor: Tensor
  ints: readonly number[]
  floats: readonly number[]
  strings: readonly string[]
}
/** The types of attributes that ONNX's operators have. */
export type AttributeType = keyof AttributeValues
/** An attribute of a node: its type, and a value of that type. */
export type Attribute = AttributeValues[AttributeType]
/** The attributes of a node, by name. */
export type Attributes = Readonly<Record<string, Attribute>>

/** One operator of a graph, with the names of the values that it reads and writes. */
export interface Node {
  readonly name: string
  readonly opType: string
  /** '' for ai.onnx. */
  readonly domain: string
  /** Value names; '' for an omitted optional input. */
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: Attributes
  /** Attribute types stated by the file, of attributes that the operator table does not have. */
  readonly attributeTypes?: Readonly<Record<string, AttributeType>>
  /** Module of the exported program that the node belongs to, if the exporter records it: `model.layers.0.q_proj`. */
  readonly scope?: string
}

/** An ONNX graph: inputs, outputs, weights and nodes in an order in which they can run. */
export interface Graph {
  name: string
  /** Version of ai.onnx; see {@link opset}. */
  opset: number
  inputs: string[]
  outputs: string[]
  nodes: Node[]
  initializers: Map<string, Tensor>
  values: Map<string, Value>
  /** Free text stored in the file (metadata_props). */
  metadata: Record<string, string>
}

/** The operator set that this library emits. Older files are upgraded when read. */
export const opset = 20

/** An empty graph. */
export function createGraph(name: string): Graph {
  return { name, opset, inputs: [], outputs: [], nodes: [], initializers: new Map(), values: new Map(), metadata: {} }
}

/** A copy whose lists and maps can change without changing the original; tensors are shared. */
export function cloneGraph(graph: Graph): Graph {
  requireKind('cloneGraph, graph', graph, 'graph')
  return {
    ...graph,
    inputs: [...graph.inputs],
    outputs: [...graph.outputs],
    nodes: [...graph.nodes],
    initializers: new Map(graph.initializers),
    values: new Map(graph.values),
    metadata: { ...graph.metadata },
  }
}

/**
 * The value with this name.
 * @throws {GraphError} when the graph has none.
 */
export function getValue(graph: Graph, name: string): Value {
  const value = graph?.values?.get?.(name)
  if (value) return value
  requireKind('getValue, graph', graph, 'graph')
  throw new GraphError({ where: `graph "${graph.name}"`, what: `no value named "${name}"` })
}

/** Next suffix to try, by graph and base name: without it, naming n nodes would take O(n^2) steps. */
const counters = new WeakMap<Map<string, Value>, Map<string, number>>()

/** A name that no value has yet: `base`, or `base_1`, `base_2`, ... */
export function uniqueName(graph: Graph, base: string): string {
  requireKind('uniqueName, graph', graph, 'graph')
  if (!graph.values.has(base)) return base
  const counts = counters.get(graph.values) ?? new Map<string, number>()
  counters.set(graph.values, counts)
  let i = counts.get(base) ?? 1
  while (graph.values.has(`${base}_${i}`)) i++
  counts.set(base, i)
  return `${base}_${i}`
}

/** Adds a value. @throws {GraphError} when the name is taken. */
export function addValue(graph: Graph, value: Value): Value {
  if (graph.values.has(value.name))
    throw new GraphError({ where: `graph "${graph.name}"`, what: `two values are named "${value.name}"` })
  graph.values.set(value.name, value)
  return value
}

/** Sets a shape that inference cannot find. @returns The value with that shape. */
export function refineShape(graph: Graph, value: Value, shape: Shape): Value {
  requireKind('refineShape, graph', graph, 'graph')
  const refined = { ...value, shape }
  graph.values.set(value.name, refined)
  return refined
}

const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''
const isDim = (dim: unknown): boolean => (Number.isSafeInteger(dim) && (dim as number) >= 0) || isText(dim)

/** @throws {GraphError} for what makes no input. */
function requireInput(name: unknown, dtype: unknown, shape: unknown): void {
  const refuse = (what: string, expected: string, found: unknown): never => {
    throw new GraphError({ where: `input ${JSON.stringify(name)}`, what, expected, found: String(found) })
  }
  if (!isText(name)) refuse('no name', 'a string that is not empty', name)
  if (typeof dtype !== 'string' || !Object.hasOwn(dataTypes, dtype))
    refuse('no element type', Object.keys(dataTypes).join(', '), dtype)
  if (!Array.isArray(shape) || !shape.every(isDim))
    refuse('no shape', 'an array of whole numbers of at least 0, and of names of dimensions', shape)
}

/**
 * Adds a required input of the graph.
 * @throws {GraphError} when the name is taken or empty, the element type is unknown, or a dimension is neither a whole
 * number of at least 0 nor a name.
 */
export function addInput(graph: Graph, name: string, dtype: DataType, shape: Shape): Value {
  requireKind('addInput, graph', graph, 'graph')
  requireInput(name, dtype, shape)
  graph.inputs.push(name)
  return addValue(graph, { name, dtype, shape })
}

/** Adds a constant of the graph: a weight, or a small operand. @throws {GraphError} when the name is taken. */
export function addInitializer(graph: Graph, name: string, data: Tensor): Value {
  requireKind('addInitializer, graph', graph, 'graph')
  graph.initializers.set(name, data)
  return addValue(graph, initializerValue(name, data))
}

/** The value of an initializer; small integer tensors carry their content for shape inference. */
function initializerValue(name: string, data: Tensor): Value {
  const value = { name, dtype: data.dtype, shape: data.dims }
  const small = (data.dtype === 'int64' || data.dtype === 'int32') && data.dims.length <= 1 && (data.dims[0] ?? 1) <= 16
  return small ? { ...value, content: integers(data) } : value
}

function integers(data: Tensor): number[] {
  const bytes = data.bytes()
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const size = data.dtype === 'int64' ? 8 : 4
  return Array.from({ length: bytes.byteLength / size }, (_, i) =>
    size === 8 ? Number(view.getBigInt64(8 * i, true)) : view.getInt32(4 * i, true),
  )
}

/** Prints a value as `name: float32[batch, 768]`. */
export const formatValue = (value: Value): string => {
  requireKind('formatValue, value', value, 'value')
  const { name, dtype, shape } = value
  return `${name}: ${dtype}[${shape.join(', ')}]`
}
