// Quantizes a matrix to 4 or 8 bits by rounding, one scale per block: the q4 files that transformers.js loads.

import { GraphError } from '../errors.ts'
import { packNibbles } from './nibbles.ts'
import { blockCount, middleCode, packedTensor } from './packed-matrix.ts'
import { float32, lazyTensor, type PackedMatrix, type Tensor, tensor, toFloat32 } from './tensor.ts'

export interface QuantizeOptions extends Pick<PackedMatrix, 'bits' | 'blockSize' | 'transposed'> {
  /** Name of the matrix, for errors. */
  readonly where: string
}

interface Codes {
  readonly codes: Uint8Array
  readonly scales: Float32Array
}

/**
 * A float32 matrix [N, K] (transposed: [K, N]) as a packed one. Codes are computed on demand, and again after the
 * garbage collector has taken them, so that the matrices of a large model are never in memory together.
 * @throws {GraphError} on demand, for a matrix with elements that are not finite.
 */
export function quantizeMatrix(matrix: Tensor, { where, ...options }: QuantizeOptions): Tensor {
  const { bits, blockSize, transposed } = options
  const [rows, columns] = matrix.dims as [number, number]
  const [N, K] = transposed ? [columns, rows] : [rows, columns]
  const blocks = blockCount({ K, blockSize })
  let latest: WeakRef<Codes> | undefined
  const quantized = (): Codes => {
    const known = latest?.deref()
    if (known) return known
    const codes = codesOf(toFloat32(matrix), { ...options, N, K }, where)
    latest = new WeakRef(codes)
    return codes
  }
  const dims = [N, blocks, (blockSize * bits) / 8]
  return packedTensor({
    ...options,
    N,
    K,
    codes: lazyTensor('uint8', dims, () => tensor('uint8', dims, quantized().codes)),
    scales: lazyTensor('float32', [N, blocks], () => float32([N, blocks], quantized().scales)),
  })
}

/**
 * code = round(value / scale) + middle. The value of greatest magnitude of a block gets code 0, because the range of
 * codes reaches one step further below the middle than above it.
 */
function codesOf(
  values: Float32Array,
  { bits, blockSize, N, K, transposed }: Omit<PackedMatrix, 'codes' | 'scales'>,
  where: string,
): Codes {
  const blocks = blockCount({ K, blockSize })
  const middle = middleCode(bits)
  const [stepN, stepK] = transposed ? [1, N] : [K, 1]
  const codes = new Uint8Array(N * blocks * blockSize).fill(middle)
  const scales = new Float32Array(N * blocks)
  for (let block = 0; block < N * blocks; block++) {
    const [n, first] = [Math.floor(block / blocks), (block % blocks) * blockSize]
    const size = Math.min(blockSize, K - first)
    const start = n * stepN + first * stepK
    let farthest = 0
    for (let i = 0; i < size; i++) {
      const value = values[start + i * stepK] as number
      if (!Number.isFinite(value)) throw notFinite(where, value)
      if (Math.abs(value) > Math.abs(farthest)) farthest = value
    }
    const scale = Math.fround(farthest / -middle)
    scales[block] = scale
    if (scale === 0) continue
    for (let i = 0; i < size; i++) {
      const code = Math.round((values[start + i * stepK] as number) / scale) + middle
      codes[block * blockSize + i] = Math.min(2 * middle - 1, Math.max(0, code))
    }
  }
  return { codes: bits === 4 ? packNibbles(codes) : codes, scales }
}

const notFinite = (name: string, value: number): GraphError =>
  new GraphError({
    where: `matrix "${name}"`,
    what: 'it has elements that are not finite, which have no code',
    found: String(value),
    fix: 'Leave it in float32, or check the file: its weights may be damaged.',
  })
