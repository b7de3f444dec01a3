// Arithmetic on a target's matrix, laid out [out, in] or [in, out].

import { float32, type Tensor, toFloat32 } from '@cola/graph'
import type { Target } from './target.ts'

/** The matrix with each weight W[o, i] replaced by `change(W[o, i], o, i)`. */
function mapped(
  { transposed, inFeatures, outFeatures }: Target,
  matrix: Tensor,
  change: (value: number, output: number, input: number) => number,
): Tensor {
  const values = toFloat32(matrix).slice()
  for (let i = 0; i < inFeatures; i++) {
    for (let o = 0; o < outFeatures; o++) {
      const at = transposed ? o * inFeatures + i : i * outFeatures + o
      values[at] = change(values[at] as number, o, i)
    }
  }
  return float32(matrix.dims, values)
}

/** The factors of a product: A [r, in] and B [out, r]. */
export interface Factors {
  readonly A: Float32Array
  readonly B: Float32Array
  readonly r: number
}

/** W + factor B A. */
export function plusProduct(target: Target, matrix: Tensor, { A, B, r }: Factors, factor: number): Tensor {
  const width = target.inFeatures
  return mapped(target, matrix, (value, o, i) => {
    let sum = 0
    for (let k = 0; k < r; k++) sum += (B[o * r + k] as number) * (A[k * width + i] as number)
    return value + factor * sum
  })
}

/** Multiplies the weights of each output by its factor. */
export const timesOutputs = (target: Target, matrix: Tensor, factors: ArrayLike<number>): Tensor =>
  mapped(target, matrix, (value, o) => value * (factors[o] as number))

/** Multiplies the weights of each input by its factor. */
export const timesInputs = (target: Target, matrix: Tensor, factors: ArrayLike<number>): Tensor =>
  mapped(target, matrix, (value, _, i) => value * (factors[i] as number))

/** Euclidean norm of the weights of each output, [out]. */
export function outputNorms({ transposed, inFeatures, outFeatures }: Target, weight: Tensor): Tensor {
  const values = toFloat32(weight)
  const at = (o: number, i: number) => values[transposed ? o * inFeatures + i : i * outFeatures + o] as number
  const norm = (o: number) => {
    let sum = 0
    for (let i = 0; i < inFeatures; i++) sum += at(o, i) ** 2
    return Math.sqrt(sum)
  }
  return float32(
    [outFeatures],
    Float32Array.from({ length: outFeatures }, (_, o) => norm(o)),
  )
}
