// Quantized tensors as ONNX's DequantizeLinear reads them, (x - zero point) scale, as float32 tensors.

import { blockCount, middleCode, packedTensor } from './packed-matrix.ts'
import { packNibbles } from './nibbles.ts'
import { elementCount, elements, float32, lazyTensor, type Tensor, tensor, toFloat32 } from './tensor.ts'

export interface QuantizedTensor {
  /** int8, uint8, int4 or uint4. */
  readonly x: Tensor
  /** float32: one scale, one for each index of the axis, or one for each block along it. */
  readonly scale: Tensor
  /** In the shape of the scales, or one for all. @default 0 */
  readonly zero: Tensor | number | undefined
  /** The axis of the scales; blocks lie along it. */
  readonly axis: number
  /** Elements along the axis that share a scale. @default 0: no blocks */
  readonly blockSize: number
}

/** Bits of the element types of which packed matrices are made. */
const widths: Partial<Record<Tensor['dtype'], 4 | 8>> = { int4: 4, uint4: 4, int8: 8, uint8: 8 }

/** The float32 numbers, dequantized on demand; a matrix keeps its codes where its scales have the form of blocks. */
export function dequantizedTensor(source: QuantizedTensor): Tensor {
  const { dims } = source.x
  return packed(source) ?? lazyTensor('float32', dims, () => float32(dims, dequantize(source)))
}

/** The place of the scale of the element at a flat index. */
function scaleIndex({ x: { dims }, scale, axis, blockSize }: QuantizedTensor): (at: number) => number {
  if (elementCount(scale.dims) === 1) return () => 0
  const inner = elementCount(dims.slice(axis + 1))
  const size = dims[axis] as number
  if (blockSize === 0) return (at) => Math.floor(at / inner) % size
  const blocks = Math.ceil(size / blockSize)
  return (at) => {
    const outer = Math.floor(at / inner)
    const block = Math.floor(outer / size) * blocks + Math.floor((outer % size) / blockSize)
    return block * inner + (at % inner)
  }
}

function dequantize(source: QuantizedTensor): Float32Array {
  const { x, scale, zero } = source
  const placeOf = scaleIndex(source)
  const [codes, scales, zeroAt] = [elements(x), toFloat32(scale), zeroPoints(zero)]
  const values = new Float32Array(codes.length)
  for (let i = 0; i < values.length; i++) {
    const place = placeOf(i)
    values[i] = ((codes[i] as number) - zeroAt(place)) * (scales[place] as number)
  }
  return values
}

/** The zero point that belongs to a scale. */
function zeroPoints(zero: QuantizedTensor['zero']): (place: number) => number {
  if (zero === undefined || typeof zero === 'number') return () => zero ?? 0
  const values = elements(zero)
  return (place) => Number(values[place])
}

/**
 * The matrix in the layout of MatMulNBits. A scale for each output is repeated for each of its blocks; blocks of a size
 * without kernels, and scales for each input, have no such form.
 */
function packed(source: QuantizedTensor): Tensor | undefined {
  const { x, scale, zero, axis, blockSize: given } = source
  const bits = widths[x.dtype]
  if (!bits || x.dims.length !== 2) return undefined
  // Blocks lie along the inputs, other scales along the outputs; a single scale is of a matrix [inputs, outputs].
  const inputs = given > 0 ? axis : elementCount(scale.dims) === 1 ? 0 : 1 - axis
  const [K, N] = [x.dims[inputs], x.dims[1 - inputs]] as [number, number]
  const blockSize = given || (K % 128 === 0 ? 128 : 32)
  if (![16, 32, 64, 128, 256].includes(blockSize)) return undefined
  const blocks = blockCount({ K, blockSize })
  const offset = x.dtype.startsWith('u') ? 0 : middleCode(bits)
  const placeOf = scaleIndex(source)
  const place = (n: number, k: number): number => (inputs === 0 ? k * N + n : n * K + k)
  const ofBlock = (block: number): number =>
    placeOf(place(Math.floor(block / blocks), Math.min((block % blocks) * blockSize, K - 1)))
  const codes = (): Uint8Array => {
    const values = elements(x) as Int8Array
    const rows = new Uint8Array(N * blocks * blockSize)
    for (let n = 0; n < N; n++)
      for (let k = 0; k < K; k++) rows[n * blocks * blockSize + k] = (values[place(n, k)] as number) + offset
    return bits === 4 ? packNibbles(rows) : rows
  }
  const dims = [N, blocks, (blockSize * bits) / 8]
  const isInOrder = inputs === 1 && K % blockSize === 0 && offset === 0
  const isMiddle = typeof zero !== 'object' && (zero ?? 0) + offset === middleCode(bits)
  return packedTensor({
    bits,
    blockSize,
    N,
    K,
    codes: isInOrder
      ? { dtype: 'uint8', dims, bytes: x.bytes }
      : lazyTensor('uint8', dims, () => tensor('uint8', dims, codes())),
    scales: lazyTensor('float32', [N, blocks], () => {
      const scales = toFloat32(scale)
      return float32(
        [N, blocks],
        Float32Array.from({ length: N * blocks }, (_, i) => scales[ofBlock(i)] as number),
      )
    }),
    zeroPoints: isMiddle
      ? undefined
      : lazyTensor('uint8', [N, blocks], () => {
          const zeroAt = zeroPoints(zero)
          const zeros = Uint8Array.from({ length: N * blocks }, (_, i) => zeroAt(ofBlock(i)) + offset)
          return tensor('uint8', [N, blocks], zeros)
        }),
    transposed: inputs === 0,
  })
}
