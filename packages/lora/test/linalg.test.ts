// Decompositions beside those of ml-matrix.

import { random } from '@cola/data'
import { EigenvalueDecomposition, Matrix as Reference, QrDecomposition, SingularValueDecomposition } from 'ml-matrix'
import { describe, expect, it } from 'vitest'
import { orthonormal, symmetricEigen, truncatedSvd } from '../src/linalg.ts'
import { type Matrix, matrixOf, multiply, scaleColumns, subtract, transpose, zeros } from '../src/matrix.ts'

const noise = (rows: number, columns: number): Matrix => {
  const stream = random(5, 'matrix')
  return matrixOf(
    Array.from({ length: rows * columns }, () => stream.normal()),
    rows,
    columns,
  )
}

const referenceOf = ({ rows, columns, values }: Matrix) => Reference.from1DArray(rows, columns, Array.from(values))
const greatest = ({ values }: Matrix): number => Math.max(...values.map(Math.abs))

/** What a decomposition of this rank leaves of a matrix. */
function rest(matrix: Matrix, rank: number): Matrix {
  const svd = new SingularValueDecomposition(referenceOf(matrix), { autoTranspose: true })
  const first = (vectors: Reference) => vectors.subMatrix(0, vectors.rows - 1, 0, rank - 1)
  const [U, V] = [first(svd.leftSingularVectors), first(svd.rightSingularVectors)]
  const kept = U.mulRowVector(svd.diagonal.slice(0, rank)).mmul(V.transpose())
  return subtract(matrix, matrixOf(kept.to1DArray(), matrix.rows, matrix.columns))
}

describe('truncatedSvd', () => {
  // Noise has singular values close to each other: 48 x 64 at rank 1 needs many iterations.
  it.each([
    [48, 64, 1],
    [64, 48, 3],
    [20, 12, 5],
    [6, 9, 6],
    // More columns than a basis has: it begins again.
    [200, 240, 3],
  ])('%i x %i, rank %i: leaves of a matrix what the exact one does', (rows, columns, rank) => {
    const matrix = noise(rows, columns)
    const { U, S, V } = truncatedSvd(matrix, rank)
    const left = subtract(matrix, multiply(scaleColumns(U, S), V))
    expect(greatest(subtract(left, rest(matrix, rank)))).toBeLessThan(1e-6)
  })

  it('a matrix of zeros has singular values of zero', () => {
    expect(truncatedSvd(zeros(5, 4), 2).S).toEqual([0, 0])
  })
})

describe('orthonormal', () => {
  it.each([
    [7, 7],
    [30, 4],
    [5, 1],
  ])('%i x %i: a basis of the columns, with the same signs', (rows, columns) => {
    const matrix = noise(rows, columns)
    const expected = new QrDecomposition(referenceOf(matrix)).orthogonalMatrix.to1DArray()
    expect([...orthonormal(matrix).values]).toBeAllclose(expected, { atol: 1e-12 })
  })

  it('completes columns that depend on each other', () => {
    const columns = noise(6, 1)
    const basis = orthonormal(
      matrixOf(
        [...columns.values].flatMap((value) => [value, 2 * value, 0]),
        6,
        3,
      ),
    )
    const identity = [1, 0, 0, 0, 1, 0, 0, 0, 1]
    expect([...multiply(transpose(basis), basis).values]).toBeAllclose(identity, { atol: 1e-12 })
  })
})

describe('symmetricEigen', () => {
  it.each([1, 2, 9, 60])('of size %i: the eigenvalues, and vectors that A stretches by them', (size) => {
    const half = noise(size, size)
    const matrix = multiply(half, transpose(half))
    const { values, vectors } = symmetricEigen(matrix)
    const expected = new EigenvalueDecomposition(referenceOf(matrix), { assumeSymmetric: true }).realEigenvalues
    const sorted = (list: readonly number[]) => [...list].sort((a, b) => a - b)
    expect(sorted(values)).toBeAllclose(sorted(expected), { atol: 1e-10 * size })
    const stretched = multiply(matrix, vectors)
    expect(greatest(subtract(stretched, scaleColumns(vectors, values)))).toBeLessThan(1e-10 * size)
    const identity = Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? 1 : 0))
    expect([...multiply(transpose(vectors), vectors).values]).toBeAllclose(identity, { atol: 1e-12 })
  })
})
