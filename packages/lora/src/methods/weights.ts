// Arithmetic on a target's matrix, laid out [out, in] or [in, out]. Loops go along memory.

import { float32, type Tensor, toFloat32, transposeTensor } from '@cola/graph'
import type { Target } from './target.ts'

/** Rows and columns of a target's matrix as they lie in memory. */
const layoutOf = ({ transposed, inFeatures, outFeatures }: Target): readonly [rows: number, columns: number] =>
  transposed ? [outFeatures, inFeatures] : [inFeatures, outFeatures]

/** The matrix with each row changed in place. */
function withRows(target: Target, matrix: Tensor, change: (row: Float32Array, at: number) => void): Tensor {
  const values = toFloat32(matrix).slice()
  const [rows, columns] = layoutOf(target)
  for (let at = 0; at < rows; at++) change(values.subarray(at * columns, (at + 1) * columns), at)
  return float32(matrix.dims, values)
}

/** The factors of a product: A [r, in] and B [out, r]. */
export interface Factors {
  readonly A: Float32Array
  readonly B: Float32Array
  readonly r: number
}

/** W + factor B A, whose sums are float64. */
export function plusProduct(target: Target, matrix: Tensor, { A, B, r }: Factors, factor: number): Tensor {
  const [rows, columns] = layoutOf(target)
  const [left, right] = target.transposed ? [B, A] : [transposed(A, r, rows), transposed(B, columns, r)]
  const sums = new Float64Array(columns)
  return withRows(target, matrix, (row, at) => {
    sums.fill(0)
    for (let k = 0; k < r; k++)
      addTimes(sums, right.subarray(k * columns, (k + 1) * columns), left[at * r + k] as number)
    for (let i = 0; i < columns; i++) row[i] = (row[i] as number) + factor * (sums[i] as number)
  })
}

/** sums + scale row, in place. */
function addTimes(sums: Float64Array, row: Float32Array, scale: number): void {
  for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] as number) + scale * (row[i] as number)
}

/** The transpose of a matrix [rows, columns]. */
const transposed = (values: Float32Array, ...dims: [rows: number, columns: number]): Float32Array =>
  toFloat32(transposeTensor(float32(dims, values)))

/** Multiplies the weights of each output by its factor. */
export const timesOutputs = (target: Target, matrix: Tensor, factors: ArrayLike<number>): Tensor =>
  withRows(target, matrix, target.transposed ? timesNumber(factors) : timesEach(factors))

/** Multiplies the weights of each input by its factor. */
export const timesInputs = (target: Target, matrix: Tensor, factors: ArrayLike<number>): Tensor =>
  withRows(target, matrix, target.transposed ? timesEach(factors) : timesNumber(factors))

/** Each row times the number at its place. */
const timesNumber = (factors: ArrayLike<number>) => (row: Float32Array, at: number) => {
  const factor = factors[at] as number
  for (let i = 0; i < row.length; i++) row[i] = (row[i] as number) * factor
}

/** Each row times all factors, number by number. */
const timesEach = (factors: ArrayLike<number>) => (row: Float32Array) => {
  for (let i = 0; i < row.length; i++) row[i] = (row[i] as number) * (factors[i] as number)
}

/** Euclidean norm of the weights of each output, [out]. */
export function outputNorms(target: Target, weight: Tensor): Tensor {
  const values = toFloat32(weight)
  const [rows, columns] = layoutOf(target)
  const squares = target.transposed ? squaresOfRows(values, rows, columns) : squaresOfColumns(values, rows, columns)
  return float32([target.outFeatures], Float32Array.from(squares, Math.sqrt))
}

const squaresOfRows = (values: Float32Array, rows: number, columns: number): Float64Array =>
  Float64Array.from({ length: rows }, (_, row) => {
    let sum = 0
    for (let at = row * columns; at < (row + 1) * columns; at++) sum += (values[at] as number) ** 2
    return sum
  })

function squaresOfColumns(values: Float32Array, rows: number, columns: number): Float64Array {
  const sums = new Float64Array(columns)
  for (let row = 0, at = 0; row < rows; row++)
    for (let i = 0; i < columns; i++, at++) sums[i] = (sums[i] as number) + (values[at] as number) ** 2
  return sums
}
