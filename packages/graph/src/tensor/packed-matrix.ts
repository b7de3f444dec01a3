// Matrices in 4 or 8 bits, in the layout of com.microsoft.MatMulNBits: blocks of inputs share a scale and a zero point.

import { requireKind } from '../door.ts'
import { unpackNibbles } from './nibbles.ts'
import { elements, float32, lazyTensor, type PackedMatrix, type Tensor, toFloat32 } from './tensor.ts'

/** Number of blocks of each output. */
export const blockCount = ({ K, blockSize }: Pick<PackedMatrix, 'K' | 'blockSize'>): number => Math.ceil(K / blockSize)

/** The code that means 0 where a matrix has no zero points. */
export const middleCode = (bits: PackedMatrix['bits']): number => 2 ** (bits - 1)

/** A matrix in 4 or 8 bits as a float32 tensor, which is dequantized each time its bytes are read. */
export function packedTensor(packed: PackedMatrix): Tensor {
  requireKind('packedTensor, packed', packed, 'object')
  const { N, K, transposed } = packed
  const dims = transposed ? [K, N] : [N, K]
  return { ...lazyTensor('float32', dims, () => float32(dims, dequantize(packed))), packed }
}

/** The same numbers as a tensor without codes. */
export const dense = ({ packed: _, ...tensor }: Tensor): Tensor => tensor

function dequantize(packed: PackedMatrix): Float32Array {
  const { bits, blockSize, N, K, transposed } = packed
  const blocks = blockCount(packed)
  const bytes = packed.codes.bytes()
  const codes = bits === 8 ? bytes : unpackNibbles(bytes, N * blocks * blockSize)
  const scales = toFloat32(packed.scales)
  const zeros = packed.zeroPoints && elements(packed.zeroPoints)
  const values = new Float32Array(N * K)
  const [stepN, stepK] = transposed ? [1, N] : [K, 1]
  for (let block = 0; block < N * blocks; block++) {
    const [n, first] = [Math.floor(block / blocks), (block % blocks) * blockSize]
    const zero = (zeros ? zeros[block] : middleCode(bits)) as number
    const scale = scales[block] as number
    const length = Math.min(blockSize, K - first)
    for (let i = 0, at = n * stepN + first * stepK; i < length; i++, at += stepK)
      values[at] = ((codes[block * blockSize + i] as number) - zero) * scale
  }
  return values
}
