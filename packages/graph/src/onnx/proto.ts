// Encodes and decodes ONNX's protobuf messages. The only importer of the protobuf library.

import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
} from 'onnx-buf'
import { FormatError } from '../errors.ts'

export type { AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto } from 'onnx-buf'
export {
  AttributeProto_AttributeType as AttributeType,
  AttributeProtoSchema,
  create,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation as DataLocation,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
}

/** Encodes a model. */
export const encodeModel = (model: ModelProto): Uint8Array => toBinary(ModelProtoSchema, model)

/** Decodes a model; tensors' raw data are views of `bytes`. @throws {FormatError} when it is not ONNX. */
export function decodeModel(bytes: Uint8Array, where: string): ModelProto {
  let model: ModelProto
  try {
    model = fromBinary(ModelProtoSchema, bytes)
  } catch (cause) {
    throw new FormatError(
      {
        where,
        what: 'not an ONNX file',
        found: `${bytes.length} bytes that are no ModelProto`,
        fix: 'The file is truncated, or not ONNX.',
      },
      { cause },
    )
  }
  if (!model.graph)
    throw new FormatError({ where, what: 'the ONNX file holds no graph', fix: 'The file is truncated, or not ONNX.' })
  return model
}
