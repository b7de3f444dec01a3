// ONNX's messages (onnx.proto): the fields that are read or written here, with the numbers that they have there.

import { FormatError } from '../errors.ts'
import {
  bytes,
  type Draft,
  double,
  float,
  int32,
  int64,
  many,
  maybe,
  type Message,
  message,
  one,
  string,
  uint64,
} from './wire.ts'

type Decoded<Type> = Type extends Message<infer Value> ? Value : never

const stringStringEntry = message({ key: one(1, string), value: one(2, string) })

const tensor = message({
  dims: many(1, int64),
  dataType: one(2, int32),
  floatData: many(4, float),
  int32Data: many(5, int32),
  int64Data: many(7, int64),
  name: one(8, string),
  rawData: one(9, bytes),
  doubleData: many(10, double),
  uint64Data: many(11, uint64),
  externalData: many(13, stringStringEntry),
  dataLocation: one(14, int32),
})

const attribute = message({
  name: one(1, string),
  f: one(2, float),
  i: one(3, int64),
  s: one(4, bytes),
  t: maybe(5, tensor),
  /** A GraphProto. */
  g: maybe(6, bytes),
  floats: many(7, float),
  ints: many(8, int64),
  strings: many(9, bytes),
  type: one(20, int32),
})

const node = message({
  input: many(1, string),
  output: many(2, string),
  name: one(3, string),
  opType: one(4, string),
  attribute: many(5, attribute),
  domain: one(7, string),
  metadataProps: many(9, stringStringEntry),
})

const dimension = message({ dimValue: maybe(1, int64), dimParam: maybe(2, string) })
const tensorShape = message({ dim: many(1, dimension) })
const tensorType = message({ elemType: one(1, int32), shape: maybe(2, tensorShape) })
const otherType = message({})
const type = message({
  tensorType: maybe(1, tensorType),
  sequenceType: maybe(4, otherType),
  mapType: maybe(5, otherType),
  sparseTensorType: maybe(8, otherType),
  optionalType: maybe(9, otherType),
})
const valueInfo = message({ name: one(1, string), type: maybe(2, type) })

const graph = message({
  node: many(1, node),
  name: one(2, string),
  initializer: many(5, tensor),
  input: many(11, valueInfo),
  output: many(12, valueInfo),
})

const operatorSetId = message({ domain: one(1, string), version: one(2, int64) })
const model = message({
  irVersion: one(1, int64),
  producerName: one(2, string),
  graph: maybe(7, graph),
  opsetImport: many(8, operatorSetId),
  metadataProps: many(14, stringStringEntry),
})

export type TensorProto = Decoded<typeof tensor>
export type AttributeProto = Decoded<typeof attribute>
export type NodeProto = Decoded<typeof node>
export type ValueInfoProto = Decoded<typeof valueInfo>
export type GraphProto = Decoded<typeof graph>
export type ModelProto = Decoded<typeof model>
export type { Draft }

/** AttributeProto.AttributeType. */
export const AttributeType = {
  UNDEFINED: 0,
  FLOAT: 1,
  INT: 2,
  STRING: 3,
  TENSOR: 4,
  GRAPH: 5,
  FLOATS: 6,
  INTS: 7,
  STRINGS: 8,
  TENSORS: 9,
  GRAPHS: 10,
  SPARSE_TENSOR: 11,
  SPARSE_TENSORS: 12,
  TYPE_PROTO: 13,
  TYPE_PROTOS: 14,
} as const

/** TensorProto.DataLocation. */
export const DataLocation = { DEFAULT: 0, EXTERNAL: 1 } as const

/** Encodes a model. */
export const encodeModel = (value: Draft<ModelProto>): Uint8Array => model.encode(value)

/** Decodes the graph in an attribute. @throws {FormatError} when it is none. */
export const decodeSubgraph = (bytes: Uint8Array, where: string): GraphProto => decoded(graph, bytes, where)

/** Decodes a model; tensors' raw data are views of `file`. @throws {FormatError} when it is not ONNX. */
export function decodeModel(file: Uint8Array, where: string): ModelProto & { graph: GraphProto } {
  const { graph: held, ...rest } = decoded(model, file, where)
  if (!held)
    throw new FormatError({ where, what: 'the ONNX file holds no graph', fix: 'The file is truncated, or not ONNX.' })
  return { ...rest, graph: held }
}

function decoded<Value>(type: Message<Value>, file: Uint8Array, where: string): Value {
  try {
    return type.decode(file)
  } catch (cause) {
    throw new FormatError(
      {
        where,
        what: 'not an ONNX file',
        found: `${file.length} bytes that are no ModelProto`,
        fix: 'The file is truncated, or not ONNX.',
      },
      { cause },
    )
  }
}
