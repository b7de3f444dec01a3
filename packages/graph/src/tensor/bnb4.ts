// Matrices in bitsandbytes' 4-bit types (Dettmers et al. 2023), as com.microsoft.MatMulBnb4 has them.

import { float32, lazyTensor, type Tensor, toFloat32 } from './tensor.ts'

const fp4 = [0, 0.0625, 8, 12, 4, 6, 2, 3].map((value) => value / 12)

/** The numbers of the 16 codes by `quant_type`: FP4, whose fourth bit is the sign, and NF4, the normal quantiles. */
const numbers: readonly (readonly number[])[] = [
  [...fp4, ...fp4.map((value) => -value)],
  [
    -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
    -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
  ],
]

export interface Bnb4Matrix {
  /** Bytes of the codes of W [N, K], the first of two in the high half. */
  readonly codes: Tensor
  /** The greatest magnitude of each block of the flattened matrix. */
  readonly absmax: Tensor
  readonly N: number
  readonly K: number
  readonly blockSize: number
  /** 0: FP4, 1: NF4. */
  readonly type: number
}

/** The float32 matrix [N, K], dequantized on demand. */
export function bnb4Tensor({ codes, absmax, N, K, blockSize, type }: Bnb4Matrix): Tensor {
  return lazyTensor('float32', [N, K], () => {
    const [bytes, scales] = [codes.bytes(), toFloat32(absmax)]
    const table = numbers[type] as readonly number[]
    const values = new Float32Array(N * K)
    for (let i = 0; i < values.length; i++) {
      const code = ((bytes[i >> 1] as number) >> (i % 2 === 0 ? 4 : 0)) & 15
      values[i] = (table[code] as number) * (scales[Math.floor(i / blockSize)] as number)
    }
    return float32([N, K], values)
  })
}
