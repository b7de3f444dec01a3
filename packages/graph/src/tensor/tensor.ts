// A tensor: element type, dimensions, and a function that returns its bytes, from memory or on demand from a file.

import { requireKind } from '../door.ts'
import { ShapeError } from '../errors.ts'
import { checkValue, oneOf } from '../options.ts'
import { type DataType, dataTypes, type TypedArray } from './dtype.ts'
import { packNibbles, unpackNibbles } from './nibbles.ts'
import { bfloat16ToFloat32, float16ToFloat32, numberToBfloat16, numberToFloat16 } from './float16.ts'

/** Element type, dimensions and a function that gives the bytes, which may stay in their file until then. */
export interface Tensor {
  readonly dtype: DataType
  readonly dims: readonly number[]
  /** Little-endian elements in row-major order. A file-backed tensor reads them at each call. */
  readonly bytes: () => Uint8Array
  /** The codes of a float32 matrix that is stored in 4 or 8 bits; `bytes` dequantizes them. */
  readonly packed?: PackedMatrix
}

/** The codes of a matrix W [N, K], N outputs and K inputs: W[n, k] = (code - zero point) scale. */
export interface PackedMatrix {
  readonly bits: 4 | 8
  /** Number of inputs that share a scale; the last block of an output may be padded. */
  readonly blockSize: number
  readonly N: number
  readonly K: number
  /** uint8 [N, blocks, blockSize bits / 8]. Of two codes in a byte, the first is in the low half. */
  readonly codes: Tensor
  /** float32 [N, blocks]. */
  readonly scales: Tensor
  /** uint8 [N, blocks], one per byte. @default the middle of the codes, 8 or 128 */
  readonly zeroPoints?: Tensor | undefined
  /**
   * What the file allows its reader to round x to, MatMulNBits' `accuracy_level`: 4 is 8 bits. Exports keep it; here
   * products are in float32 where nothing else is asked for. @default 0, which leaves it to the reader
   */
  readonly accuracyLevel?: number | undefined
  /** Whether the tensor that has these codes is [K, N] (x W), not [N, K] (x W'). */
  readonly transposed: boolean
}

/** Number of elements of a shape; 1 for a scalar. */
export const elementCount = (dims: readonly number[]): number => {
  requireKind('elementCount, dims', dims, 'list')
  return dims.reduce((a, b) => a * b, 1)
}

/** Size in bytes of a tensor's elements. */
export const byteLength = (tensor: Pick<Tensor, 'dtype' | 'dims'>): number => {
  requireKind('byteLength, tensor', tensor, 'object')
  return Math.ceil(elementCount(tensor.dims) * dataTypes[tensor.dtype].bytes)
}

const elementType = oneOf(Object.keys(dataTypes))

/**
 * Wraps a typed array; its memory is shared, not copied.
 * @throws {ShapeError} when the array's length is not the product of `dims`, or half of it for 4-bit integers.
 */
export function tensor(dtype: DataType, dims: readonly number[], data: TypedArray): Tensor {
  checkValue('tensor, dtype', dtype, elementType)
  requireKind('tensor, data', data, 'list')
  const expected = byteLength({ dtype, dims }) / dataTypes[dtype].array.BYTES_PER_ELEMENT
  if (data.length !== expected) throw wrongCount(dtype, dims, expected, data.length)
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  return { dtype, dims: [...dims], bytes: () => bytes }
}

const wrongCount = (dtype: DataType, dims: readonly number[], expected: number, found: number): ShapeError =>
  new ShapeError({
    where: `tensor ${dtype}[${dims}]`,
    what: 'wrong number of elements',
    expected: String(expected),
    found: String(found),
  })

/** A float32 tensor from numbers. */
export const float32 = (dims: readonly number[], values: ArrayLike<number>): Tensor => {
  requireKind('float32, dims', dims, 'list')
  requireKind('float32, values', values, 'list')
  return tensor('float32', dims, values instanceof Float32Array ? values : Float32Array.from(values))
}

/** Conversion of a number to an element of the typed array, for types that need one. */
const encodings: Partial<Record<DataType, (value: number) => number | bigint>> = {
  float16: numberToFloat16,
  bfloat16: numberToBfloat16,
  int64: (value) => bigInteger(value, 63),
  uint64: (value) => bigInteger(value, 64),
}

/**
 * A whole number as an integer below 2^bits. The greatest int64 ("to the end" of a Slice) is no double: it was read as
 * the nearest one, 2^63, and is clamped.
 * @throws {ShapeError} for a number that is not whole.
 */
export function bigInteger(value: number, bits: 63 | 64): bigint {
  if (Number.isInteger(value)) return value >= 2 ** bits ? 2n ** BigInt(bits) - 1n : BigInt(value)
  throw new ShapeError({
    where: 'a tensor of 64-bit integers',
    what: 'not a whole number',
    found: String(value),
    fix: 'A constant that an operator computes with has the type of its input: is that an integer by mistake?',
  })
}

/** A tensor of any element type from numbers. @throws {ShapeError} when their count is not the product of `dims`. */
export function tensorOf(dtype: DataType, dims: readonly number[], values: ArrayLike<number>): Tensor {
  checkValue('tensorOf, dtype', dtype, elementType)
  if (values.length !== elementCount(dims)) throw wrongCount(dtype, dims, elementCount(dims), values.length)
  if (dtype === 'int4' || dtype === 'uint4') return tensor(dtype, dims, packNibbles(values))
  const data = new dataTypes[dtype].array(values.length)
  const encode = encodings[dtype] ?? Number
  for (let i = 0; i < values.length; i++) data[i] = encode(values[i] as number)
  return tensor(dtype, dims, data)
}

/** The elements as a typed array; copies only 4-bit integers, and bytes that are not aligned for the type. */
export function elements(source: Tensor): TypedArray {
  requireKind('elements, source', source, 'tensor')
  if (source.dtype === 'int4' || source.dtype === 'uint4')
    return unpackNibbles(source.bytes(), elementCount(source.dims), source.dtype === 'int4')
  const { array, bytes: size } = dataTypes[source.dtype]
  const bytes = source.bytes()
  // Uint8Array's slice copies; the slice of Node's Buffer would share the unaligned memory.
  const aligned = bytes.byteOffset % size === 0 ? bytes : Uint8Array.prototype.slice.call(bytes)
  return new array(aligned.buffer, aligned.byteOffset, aligned.byteLength / size)
}

/** The elements of a floating-point or integer tensor of any type, converted to float32. */
export function toFloat32(source: Tensor): Float32Array {
  requireKind('toFloat32, source', source, 'tensor')
  const data = elements(source)
  if (source.dtype === 'float32') return data as Float32Array
  if (source.dtype === 'float16') return float16ToFloat32(data as Uint16Array)
  if (source.dtype === 'bfloat16') return bfloat16ToFloat32(data as Uint16Array)
  return new Float32Array(source.dtype.endsWith('int64') ? Array.from(data, Number) : (data as ArrayLike<number>))
}

/**
 * A floating-point tensor as float32: itself, or a tensor whose elements are converted on demand.
 * @throws {ShapeError} for integers.
 */
export function asFloat32(source: Tensor): Tensor {
  requireKind('asFloat32, source', source, 'tensor')
  const { dtype, dims } = source
  if (!dataTypes[dtype].float)
    throw new ShapeError({
      where: `tensor ${dtype}[${dims}]`,
      what: 'not floating point',
      expected: 'float32, float16, bfloat16 or float64',
      found: dtype,
    })
  return dtype === 'float32'
    ? source
    : { dtype: 'float32', dims, bytes: () => float32(dims, toFloat32(source)).bytes() }
}

/** The elements of an integer tensor as numbers. */
export const toNumbers = (source: Tensor): number[] => {
  requireKind('toNumbers, source', source, 'tensor')
  return Array.from(elements(source) as ArrayLike<number | bigint>, Number)
}

/** A tensor whose bytes are computed on demand. */
export const lazyTensor = (dtype: Tensor['dtype'], dims: readonly number[], make: () => Tensor): Tensor => ({
  dtype,
  dims,
  bytes: () => make().bytes(),
})
