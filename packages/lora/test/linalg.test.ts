// The greatest singular values and vectors beside those of a whole decomposition.

import { random } from '@cola/data'
import { SingularValueDecomposition } from 'ml-matrix'
import { describe, expect, it } from 'vitest'
import { Matrix, matrixOf, truncatedSvd } from '../src/linalg.ts'

const noise = (rows: number, columns: number): Matrix => {
  const stream = random(5, 'matrix')
  return matrixOf(
    Array.from({ length: rows * columns }, () => stream.normal()),
    rows,
    columns,
  )
}

/** What a decomposition of this rank leaves of a matrix. */
const rest = (matrix: Matrix, rank: number): Matrix => {
  const {
    leftSingularVectors: U,
    diagonal,
    rightSingularVectors: V,
  } = new SingularValueDecomposition(matrix, {
    autoTranspose: true,
  })
  const first = (vectors: Matrix) => vectors.subMatrix(0, vectors.rows - 1, 0, rank - 1)
  return Matrix.sub(matrix, first(U).mulRowVector(diagonal.slice(0, rank)).mmul(first(V).transpose()))
}

describe('truncatedSvd', () => {
  // Noise has singular values close to each other: 48 x 64 at rank 1 needs many iterations.
  it.each([
    [48, 64, 1],
    [64, 48, 3],
    [20, 12, 5],
    [6, 9, 6],
  ])('%i x %i, rank %i: leaves of a matrix what the exact one does', (rows, columns, rank) => {
    const matrix = noise(rows, columns)
    const { U, S, V } = truncatedSvd(matrix, rank)
    const left = Matrix.sub(matrix, Matrix.mul(U, 1).mulRowVector(S).mmul(V))
    expect(Matrix.sub(left, rest(matrix, rank)).norm('max')).toBeLessThan(1e-6)
  })

  it('a matrix of zeros has singular values of zero', () => {
    expect(truncatedSvd(Matrix.zeros(5, 4), 2).S).toEqual([0, 0])
  })
})
