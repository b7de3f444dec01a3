// Table of element types: their names and codes in ONNX, safetensors and JavaScript.

/** Element types under ONNX's names. */
export type DataType =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'bfloat16'
  | 'int64'
  | 'int32'
  | 'int16'
  | 'int8'
  | 'uint64'
  | 'uint32'
  | 'uint16'
  | 'uint8'
  | 'int4'
  | 'uint4'
  | 'bool'

/** The typed array of a tensor's elements; 16-bit floats are kept as their bits, 4-bit integers two per byte. */
export type TypedArray =
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint32Array
  | Uint16Array
  | Uint8Array

interface ArrayConstructor {
  readonly BYTES_PER_ELEMENT: number
  new (length: number): TypedArray
  new (buffer: ArrayBufferLike, offset?: number, length?: number): TypedArray
}

/** A row of the table of element types: ONNX's number, safetensors' name, size and typed array. */
export interface DataTypeRow {
  /** TensorProto.DataType. */
  onnx: number
  /** Name in a safetensors header, if the format has the type. */
  safetensors?: string
  /** Size of an element; a half for types of which a byte holds two. */
  bytes: number
  array: ArrayConstructor
  float: boolean
}

/** The table of element types. */
export const dataTypes: Record<DataType, DataTypeRow> = {
  float32: { onnx: 1, safetensors: 'F32', bytes: 4, array: Float32Array, float: true },
  uint8: { onnx: 2, safetensors: 'U8', bytes: 1, array: Uint8Array, float: false },
  int8: { onnx: 3, safetensors: 'I8', bytes: 1, array: Int8Array, float: false },
  uint16: { onnx: 4, safetensors: 'U16', bytes: 2, array: Uint16Array, float: false },
  int16: { onnx: 5, safetensors: 'I16', bytes: 2, array: Int16Array, float: false },
  int32: { onnx: 6, safetensors: 'I32', bytes: 4, array: Int32Array, float: false },
  int64: { onnx: 7, safetensors: 'I64', bytes: 8, array: BigInt64Array, float: false },
  bool: { onnx: 9, safetensors: 'BOOL', bytes: 1, array: Uint8Array, float: false },
  float16: { onnx: 10, safetensors: 'F16', bytes: 2, array: Uint16Array, float: true },
  float64: { onnx: 11, safetensors: 'F64', bytes: 8, array: Float64Array, float: true },
  uint32: { onnx: 12, safetensors: 'U32', bytes: 4, array: Uint32Array, float: false },
  uint64: { onnx: 13, safetensors: 'U64', bytes: 8, array: BigUint64Array, float: false },
  uint4: { onnx: 21, bytes: 0.5, array: Uint8Array, float: false },
  int4: { onnx: 22, bytes: 0.5, array: Uint8Array, float: false },
  bfloat16: { onnx: 16, safetensors: 'BF16', bytes: 2, array: Uint16Array, float: true },
}

const byOnnx = new Map(Object.entries(dataTypes).map(([name, row]) => [row.onnx, name as DataType]))
const bySafetensors = new Map(
  Object.entries(dataTypes).flatMap(([name, { safetensors }]) =>
    safetensors === undefined ? [] : [[safetensors, name as DataType] as const],
  ),
)

/** The element type with this TensorProto.DataType code, or undefined. */
export const dataTypeOfOnnx = (code: number): DataType | undefined => byOnnx.get(code)

/** The element type with this safetensors name, or undefined. */
export const dataTypeOfSafetensors = (name: string): DataType | undefined => bySafetensors.get(name)
