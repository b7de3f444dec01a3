// Reads and writes tensors of ONNX files: elements as raw bytes, as numbers, or in an external-data file.

import { requireKind } from '../door.ts'
import { FormatError, UnsupportedOperatorError } from '../errors.ts'
import { type DataType, dataTypeOfOnnx, dataTypes } from '../tensor/dtype.ts'
import { byteLength, elementCount, type Tensor, tensor } from '../tensor/tensor.ts'
import { DataLocation, decodeModel, type Draft, type TensorProto } from './proto.ts'

/** Access to a model's external-data files. */
export interface ExternalData {
  /** Size in bytes. @throws when there is no such file. */
  size: (location: string) => number
  /** Bytes of a range; offset and length in bytes. Called only when a tensor's elements are needed. */
  read: (location: string, offset: number, length: number) => Uint8Array
}

/** Location of an external tensor. */
export interface ExternalLocation {
  /** File name, relative to the model's folder. */
  location: string
  /** First byte of the tensor in the file. */
  offset: number
}

/**
 * Reads a tensor of a file; external data is read on demand.
 * @throws {FormatError | UnsupportedOperatorError} naming the tensor.
 */
export function readTensor(proto: TensorProto, where: string, externalData?: ExternalData): Tensor {
  const at = `${where}, tensor "${proto.name}"`
  const dtype = dataTypeOfOnnx(proto.dataType)
  if (!dtype)
    throw new UnsupportedOperatorError({ where: at, what: 'unknown element type', found: String(proto.dataType) })
  const dims = proto.dims.map(Number)
  if (proto.dataLocation === DataLocation.EXTERNAL) return externalTensor(proto, { dtype, dims }, at, externalData)
  const expected = byteLength({ dtype, dims })
  if (proto.rawData.length > 0 || expected === 0) {
    if (proto.rawData.length !== expected)
      throw new FormatError({
        where: at,
        what: 'wrong number of bytes',
        expected: String(expected),
        found: String(proto.rawData.length),
      })
    return { dtype, dims, bytes: () => proto.rawData }
  }
  const values = proto[fields[dtype] ?? 'int32Data']
  // int32_data holds the bytes of 4-bit integers.
  const count = Math.min(elementCount(dims), expected)
  if (values.length !== count)
    throw new FormatError({
      where: at,
      what: 'wrong number of elements',
      expected: String(count),
      found: String(values.length),
    })
  const big = dtype === 'int64' || dtype === 'uint64'
  const data = new dataTypes[dtype].array(count)
  ;(values as ArrayLike<number | bigint> & Iterable<number | bigint> as (number | bigint)[]).forEach((value, i) => {
    data[i] = big ? BigInt(value) : Number(value)
  })
  return tensor(dtype, dims, data)
}

/** The field that holds the values of an element type; those of all others, packed ones too, are in int32_data. */
const fields: Readonly<Partial<Record<DataType, 'floatData' | 'doubleData' | 'int64Data' | 'uint64Data'>>> = {
  float32: 'floatData',
  float64: 'doubleData',
  int64: 'int64Data',
  uint32: 'uint64Data',
  uint64: 'uint64Data',
}

const entriesOf = (proto: TensorProto): Map<string, string> =>
  new Map(proto.externalData.map(({ key, value }) => [key, value]))

/**
 * The file of a tensor's external data, relative to the model's folder.
 * @throws {FormatError} when it is outside of that folder.
 */
function locationOf(proto: TensorProto, at: string): string {
  const location = entriesOf(proto).get('location') ?? ''
  if (location === '' || /^([/\\]|[A-Za-z]:)/.test(location) || location.split(/[/\\]/).includes('..'))
    throw new FormatError({
      where: at,
      what: "external data leaves the model's folder",
      found: JSON.stringify(location),
    })
  return location
}

/**
 * The files of an ONNX model's external data, relative to the model's folder, without duplicates.
 * @param bytes The ONNX file.
 * @throws {FormatError} when it is not an ONNX file, or names a file outside of its folder.
 */
export function externalLocations(bytes: Uint8Array, where = 'model'): string[] {
  requireKind('externalLocations, bytes', bytes, 'bytes')
  const { initializer, node } = decodeModel(bytes, where).graph
  const constants = node.flatMap(({ attribute }) => attribute.flatMap(({ t }) => (t ? [t] : [])))
  const external = [...initializer, ...constants].filter(({ dataLocation }) => dataLocation === DataLocation.EXTERNAL)
  return [...new Set(external.map((proto) => locationOf(proto, `${where}, tensor "${proto.name}"`)))]
}

function externalTensor(
  proto: TensorProto,
  type: Pick<Tensor, 'dtype' | 'dims'>,
  at: string,
  externalData?: ExternalData,
): Tensor {
  const entries = entriesOf(proto)
  const location = locationOf(proto, at)
  if (!externalData)
    throw new FormatError({
      where: at,
      what: `its data is in "${location}", which was not provided`,
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

/** Encodes a tensor for a file: its elements as raw bytes, or their external location. */
export function tensorProto(name: string, data: Tensor, external?: ExternalLocation): Draft<TensorProto> {
  const common = { name, dataType: dataTypes[data.dtype].onnx, dims: data.dims.map(BigInt) }
  if (!external) return { ...common, rawData: data.bytes() }
  const entries = { location: external.location, offset: String(external.offset), length: String(byteLength(data)) }
  return {
    ...common,
    dataLocation: DataLocation.EXTERNAL,
    externalData: Object.entries(entries).map(([key, value]) => ({ key, value })),
  }
}
