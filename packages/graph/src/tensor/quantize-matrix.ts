// Quantizes a matrix to 4 or 8 bits by rounding, one scale per block, in 4 bits one zero point too: the q4 files that
// transformers.js loads.

import { GraphError } from '../errors.ts'
import { packNibbles } from './nibbles.ts'
import { blockCount, middleCode, packedTensor } from './packed-matrix.ts'
import { float32, lazyTensor, type PackedMatrix, type Tensor, tensor, toFloat32 } from './tensor.ts'

export interface QuantizeOptions extends Pick<PackedMatrix, 'bits' | 'blockSize' | 'accuracyLevel' | 'transposed'> {
  /** Name of the matrix, for errors. */
  readonly where: string
}

interface Codes {
  readonly codes: Uint8Array
  readonly scales: Float32Array
  readonly zeros: Uint8Array
}

/** What codes of a block mean: value = (code - zero) scale. */
interface Grid {
  readonly scale: number
  readonly zero: number
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
    ...(bits === 4
      ? { zeroPoints: lazyTensor('uint8', [N, blocks], () => tensor('uint8', [N, blocks], quantized().zeros)) }
      : {}),
  })
}

/** code = round(value / scale) + zero, on the grid of each block that leaves the least squared error. */
function codesOf(
  values: Float32Array,
  { bits, blockSize, N, K, transposed }: Omit<PackedMatrix, 'codes' | 'scales'>,
  where: string,
): Codes {
  const blocks = blockCount({ K, blockSize })
  const [stepN, stepK] = transposed ? [1, N] : [K, 1]
  const codes = new Uint8Array(N * blocks * blockSize).fill(middleCode(bits))
  const scales = new Float32Array(N * blocks)
  const zeros = new Uint8Array(N * blocks)
  const whole = new Float32Array(blockSize)
  for (let place = 0; place < N * blocks; place++) {
    const [n, first] = [Math.floor(place / blocks), (place % blocks) * blockSize]
    const block = K - first < blockSize ? whole.subarray(0, K - first) : whole
    const start = n * stepN + first * stepK
    for (let i = 0; i < block.length; i++) {
      const value = values[start + i * stepK] as number
      if (!Number.isFinite(value)) throw notFinite(where, value)
      block[i] = value
    }
    const { scale, zero } = closest(block, bits)
    scales[place] = scale
    zeros[place] = zero
    for (let i = 0; i < block.length; i++)
      codes[place * blockSize + i] = codeOf(block[i] as number, scale, zero, 2 * middleCode(bits) - 1)
  }
  return { codes: bits === 4 ? packNibbles(codes) : codes, scales, zeros }
}

/** The code of a value, cut to the range of codes. */
function codeOf(value: number, scale: number, zero: number, most: number): number {
  if (scale === 0) return zero
  // Math.round, as it is defined: V8 calls a function for it.
  const code = Math.floor(value / scale + 0.5) + zero
  return Math.max(0, Math.min(most, code))
}

/** The grid of a block with the least squared error; 8 bits are fine enough for the first. */
function closest(block: Float32Array, bits: PackedMatrix['bits']): Grid {
  const most = 2 * middleCode(bits) - 1
  const first = symmetric(block, middleCode(bits))
  if (bits === 8 || first.scale === 0) return first
  const range = rangeOf(block)
  let [least, best] = [squaredError(block, first, most), first]
  for (const share of sharesOfRange) {
    const grid = ofRange(range, share, most)
    const error = squaredError(block, grid, most)
    if (error < least) [least, best] = [error, grid]
  }
  return best
}

/**
 * The value of greatest magnitude gets code 0, because the range of codes reaches one step further below the middle
 * than above it.
 */
function symmetric(block: Float32Array, middle: number): Grid {
  let farthest = 0
  for (let i = 0; i < block.length; i++) {
    const value = block[i] as number
    if (Math.abs(value) > Math.abs(farthest)) farthest = value
  }
  return { scale: Math.fround(farthest / -middle), zero: middle }
}

/**
 * Shares of a block's range that its codes span, about its centre. Cutting the few outermost values makes the steps
 * finer for all others: of a normal distribution's blocks of 32, the error falls by a sixth.
 */
const sharesOfRange = [1, 0.9]

/** The least and the greatest value of a block and 0. */
function rangeOf(block: Float32Array): readonly [number, number] {
  let [low, high] = [0, 0]
  for (let i = 0; i < block.length; i++) {
    const value = block[i] as number
    if (value < low) low = value
    if (value > high) high = value
  }
  return [low, high]
}

/** Codes from 0 to `most` span a share of the range from the least to the greatest value, and 0. */
function ofRange([low, high]: readonly [number, number], share: number, most: number): Grid {
  const scale = Math.fround((share * (high - low)) / most)
  const least = (low + high - share * (high - low)) / 2
  return { scale, zero: Math.min(most, Math.max(0, Math.round(-least / scale))) }
}

function squaredError(block: Float32Array, { scale, zero }: Grid, most: number): number {
  let sum = 0
  for (let i = 0; i < block.length; i++) {
    const value = block[i] as number
    sum += (value - (codeOf(value, scale, zero, most) - zero) * scale) ** 2
  }
  return sum
}

const notFinite = (name: string, value: number): GraphError =>
  new GraphError({
    where: `matrix "${name}"`,
    what: 'it has elements that are not finite, which have no code',
    found: String(value),
    fix: 'Leave it in float32, or check the file: its weights may be damaged.',
  })
