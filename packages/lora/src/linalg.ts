// Decompositions of matrices: the only importer of ml-matrix.

import { random } from '@cola/data'
import { Matrix, QrDecomposition, SingularValueDecomposition } from 'ml-matrix'

export { Matrix }

/** A row-major array as a matrix. */
export const matrixOf = (values: ArrayLike<number>, rows: number, columns: number): Matrix =>
  Matrix.from1DArray(rows, columns, Array.from(values))

/** A matrix as a row-major array. */
export const arrayOf = (matrix: Matrix): Float32Array => Float32Array.from(matrix.to1DArray())

/** An orthonormal basis of the columns. */
export const orthonormal = (matrix: Matrix): Matrix => new QrDecomposition(matrix).orthogonalMatrix

export interface TruncatedSvd {
  /** [rows, rank] */
  U: Matrix
  /** Singular values, greatest first. */
  S: number[]
  /** [rank, columns] */
  V: Matrix
}

/** Subspace iterations: the error of the kept values falls by (s_{r+1} / s_r)^2 with each. */
const iterations = 8
const oversampling = 10

/**
 * The greatest `rank` singular values and vectors, by randomized subspace iteration (Halko, Martinsson & Tropp 2011).
 */
export function truncatedSvd(matrix: Matrix, rank: number, { seed = 0 }: { seed?: number } = {}): TruncatedSvd {
  const stream = random(seed, 'svd')
  const width = Math.min(rank + oversampling, matrix.rows, matrix.columns)
  const transposed = matrix.transpose()
  let basis = orthonormal(
    matrix.mmul(
      Matrix.from1DArray(
        matrix.columns,
        width,
        Array.from({ length: matrix.columns * width }, () => stream.normal()),
      ),
    ),
  )
  for (let i = 0; i < iterations; i++) basis = orthonormal(matrix.mmul(orthonormal(transposed.mmul(basis))))
  const small = new SingularValueDecomposition(basis.transpose().mmul(matrix), { autoTranspose: true })
  const first = (vectors: Matrix) => vectors.subMatrix(0, vectors.rows - 1, 0, rank - 1)
  return {
    U: basis.mmul(first(small.leftSingularVectors)),
    S: small.diagonal.slice(0, rank),
    V: first(small.rightSingularVectors).transpose(),
  }
}
