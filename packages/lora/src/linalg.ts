// Decompositions of matrices: the only importer of ml-matrix.

import { random } from '@cola/data'
import { EigenvalueDecomposition, Matrix, QrDecomposition } from 'ml-matrix'

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

const oversampling = 10
/** Powers of W W' that the basis grows by between two looks at the error. */
const step = 4
/** Greatest ||W v - s u|| of the kept vectors over the greatest singular value: what float32 can tell. */
const tolerance = 1e-7

/**
 * The greatest `rank` singular values and vectors, from a basis of powers of W W' times random vectors (randomized
 * block Krylov, Musco & Musco 2015) that grows until they stay. PEFT computes them exactly when it loads an adapter, so
 * that what is left of the matrix must be the same.
 */
export function truncatedSvd(matrix: Matrix, rank: number, { seed = 0 }: { seed?: number } = {}): TruncatedSvd {
  const stream = random(seed, 'svd')
  const size = Math.min(matrix.rows, matrix.columns)
  const width = Math.min(rank + oversampling, size)
  const transposed = matrix.transpose()
  const start = Array.from({ length: matrix.columns * width }, () => stream.normal())
  const blocks = [orthonormal(matrix.mmul(Matrix.from1DArray(matrix.columns, width, start)))]
  while (true) {
    for (let i = 0; i < step && blocks.length * width < size; i++)
      blocks.push(orthonormal(matrix.mmul(orthonormal(transposed.mmul(blocks.at(-1) as Matrix)))))
    const svd = withinBasis(matrix, orthonormal(sideBySide(blocks, size)), rank)
    if (blocks.length * width >= size || residual(matrix, svd) <= tolerance) return svd
  }
}

/** The first columns of matrices beside each other. */
function sideBySide(blocks: readonly Matrix[], columns: number): Matrix {
  const [{ rows, columns: width }] = blocks as [Matrix]
  const all = Matrix.zeros(rows, blocks.length * width)
  blocks.forEach((block, i) => {
    all.setSubMatrix(block, 0, i * width)
  })
  return all.subMatrix(0, rows - 1, 0, Math.min(columns, all.columns) - 1)
}

/** The best decomposition whose left vectors lie in a basis Q: Q' W W' Q has their squares and their places. */
function withinBasis(matrix: Matrix, basis: Matrix, rank: number): TruncatedSvd {
  const projected = basis.transpose().mmul(matrix)
  const gram = projected.mmul(projected.transpose())
  const { realEigenvalues: values, eigenvectorMatrix } = new EigenvalueDecomposition(gram, { assumeSymmetric: true })
  const greatest = values.map((_, k) => k).sort((i, j) => (values[j] as number) - (values[i] as number))
  const vectors = eigenvectorMatrix.subMatrixColumn(greatest.slice(0, rank))
  const rows = vectors.transpose().mmul(projected)
  const S = Array.from({ length: rank }, (_, k) => rows.getRowVector(k).norm())
  return { U: basis.mmul(vectors), S, V: rows.divColumnVector(S.map((s) => s || 1)) }
}

/** Greatest ||W v - s u||, over the greatest singular value; 0 for a matrix of zeros. */
function residual(matrix: Matrix, { U, S, V }: TruncatedSvd): number {
  const difference = Matrix.sub(matrix.mmul(V.transpose()), Matrix.mul(U, 1).mulRowVector(S))
  const lengths = Array.from({ length: difference.columns }, (_, k) => difference.getColumnVector(k).norm())
  return S[0] ? lengths.reduce((a, b) => Math.max(a, b), 0) / S[0] : 0
}
