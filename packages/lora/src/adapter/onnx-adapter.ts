// ONNX Runtime's adapter file format, .onnx_adapter, for its C, Python, C# and Java APIs and onnxruntime-genai. Only
// this file imports flatbuffers. onnxruntime/lora/adapter_format/adapter_schema.fbs: Adapter { format_version,
// adapter_version, model_version, parameters: [Parameter] }, Parameter { name, dims: [int64], data_type, raw_data:
// [uint8] (aligned to 8) }.

import { requireKind } from '@cola/graph/door'
import { writeFileAtomic } from '@cola/train/files'
import { Builder } from 'flatbuffers'
import { requireModel } from '../inject/require-model.ts'
import type { SwitchableModel } from './switch.ts'

/** TensorProto.DataType.FLOAT. */
const float = 1
const formatVersion = 1

/**
 * The bytes of an .onnx_adapter file with an adapter's matrices, for a model with overridable inputs.
 * @throws {AdapterError} for a name that is not one of the model's adapters.
 */
export function onnxAdapter(model: Pick<SwitchableModel, 'feeds'>, adapter: string): Uint8Array {
  requireModel('onnxAdapter', model, 'switchable')
  const builder = new Builder(1024)
  const parameters = Object.entries(model.feeds(adapter)).map(([name, { data, dims }]) => {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    // The schema aligns the vector's elements to 8 bytes.
    builder.startVector(1, bytes.length, 8)
    for (let i = bytes.length - 1; i >= 0; i--) builder.addInt8(bytes[i] as number)
    const raw = builder.endVector()
    builder.startVector(8, dims.length, 8)
    for (let i = dims.length - 1; i >= 0; i--) builder.addInt64(BigInt(dims[i] as number))
    const shape = builder.endVector()
    const text = builder.createString(name)
    builder.startObject(4)
    builder.addFieldOffset(0, text, 0)
    builder.addFieldOffset(1, shape, 0)
    builder.addFieldInt32(2, float, 0)
    builder.addFieldOffset(3, raw, 0)
    return builder.endObject()
  })
  builder.startVector(4, parameters.length, 4)
  for (let i = parameters.length - 1; i >= 0; i--) builder.addOffset(parameters[i] as number)
  const list = builder.endVector()
  builder.startObject(4)
  builder.addFieldInt32(0, formatVersion, 0)
  builder.addFieldInt32(1, 1, 0)
  builder.addFieldInt32(2, 1, 0)
  builder.addFieldOffset(3, list, 0)
  builder.finish(builder.endObject(), 'TORT')
  return builder.asUint8Array()
}

/** Writes {@link onnxAdapter} to a file. @throws {FileError} when it cannot be written. */
export const writeOnnxAdapter = (path: string, model: Pick<SwitchableModel, 'feeds'>, adapter: string): void => {
  requireKind('writeOnnxAdapter, path', path, 'text')
  writeFileAtomic(path, onnxAdapter(model, adapter))
}
