// Decompositions of matrices: an orthonormal basis, eigenvectors, and the greatest singular values.

import { random } from '@cola/data'
import {
  beside,
  columnsOf,
  dot,
  type Matrix,
  matrixOf,
  multiply,
  range,
  rowLengths,
  rowsOf,
  scaleColumns,
  scaleRows,
  subtract,
  transpose,
  zeros,
} from './matrix.ts'

/**
 * An orthonormal basis of the columns, of a matrix with no more columns than rows: Q of Householder's A = Q R, whose
 * columns have LAPACK's signs. (Golub and Van Loan, Matrix Computations, algorithm 5.2.1)
 */
export function orthonormal(matrix: Matrix): Matrix {
  // Columns are rows here, which lie in one piece.
  const { rows: count, columns: length, values } = transpose(matrix)
  const column = (k: number) => values.subarray(k * length, (k + 1) * length)
  const reflectors = range(count).map((k) => {
    const v = new Float64Array(length)
    v.set(column(k).subarray(k), k)
    const norm = Math.sqrt(dot(v, v))
    v[k] = (v[k] as number) + ((v[k] as number) < 0 ? -norm : norm)
    for (let j = k; j < count; j++) reflect(column(j), v)
    return v
  })
  const basis = zeros(count, length)
  range(count).forEach((k) => {
    const q = basis.values.subarray(k * length, (k + 1) * length)
    q[k] = 1
    for (const v of reflectors.toReversed()) reflect(q, v)
  })
  return transpose(basis)
}

/** x - 2 v (v'x) / (v'v), in place. */
function reflect(x: Float64Array, v: Float64Array): void {
  const square = dot(v, v)
  if (square === 0) return
  const factor = (2 * dot(v, x)) / square
  for (let i = 0; i < x.length; i++) x[i] = (x[i] as number) - factor * (v[i] as number)
}

/** Most sweeps of Jacobi's rotations; they converge quadratically, most often within ten. */
const sweeps = 30

/**
 * Eigenvalues of a symmetric matrix, and its eigenvectors as columns, by Jacobi's rotations. (Golub and Van Loan,
 * algorithm 8.5.3)
 */
export function symmetricEigen(matrix: Matrix): { values: number[]; vectors: Matrix } {
  const n = matrix.rows
  const a = matrix.values.slice()
  // Eigenvectors are rows here.
  const vectors = matrixOf(new Float64Array(n * n), n, n)
  for (const i of range(n)) vectors.values[i * n + i] = 1
  const at = (i: number, j: number): number => a[i * n + j] as number
  const total = dot(a, a)
  for (let sweep = 0; sweep < sweeps; sweep++) {
    let rest = 0
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) rest += 2 * at(p, q) ** 2
    if (rest <= total * Number.EPSILON ** 2) break
    for (let p = 0; p < n; p++)
      for (let q = p + 1; q < n; q++) {
        if (at(p, q) === 0) continue
        const tau = (at(q, q) - at(p, p)) / (2 * at(p, q))
        const t = (tau < 0 ? -1 : 1) / (Math.abs(tau) + Math.hypot(1, tau))
        const c = 1 / Math.hypot(1, t)
        const s = t * c
        rotateColumns(a, n, p, q, c, s)
        rotateRows(a, n, p, q, c, s)
        rotateRows(vectors.values, n, p, q, c, s)
      }
  }
  return { values: range(n).map((i) => at(i, i)), vectors: transpose(vectors) }
}

/** Rows p and q become c p - s q and s p + c q. */
function rotateRows(a: Float64Array, n: number, p: number, q: number, c: number, s: number): void {
  for (let k = 0; k < n; k++) rotate(a, p * n + k, q * n + k, c, s)
}

/** Columns p and q become c p - s q and s p + c q. */
function rotateColumns(a: Float64Array, n: number, p: number, q: number, c: number, s: number): void {
  for (let k = 0; k < n; k++) rotate(a, k * n + p, k * n + q, c, s)
}

function rotate(a: Float64Array, i: number, j: number, c: number, s: number): void {
  const [x, y] = [a[i] as number, a[j] as number]
  a[i] = c * x - s * y
  a[j] = s * x + c * y
}

export interface TruncatedSvd {
  /** [rows, rank] */
  U: Matrix
  /** Singular values, greatest first. */
  S: number[]
  /** [rank, columns] */
  V: Matrix
}

/** An orthonormal basis of the matrix times random vectors. */
function randomBasis(matrix: Matrix, width: number, seed: number): Matrix {
  const stream = random(seed, 'svd')
  const draws = Array.from({ length: matrix.columns * width }, () => stream.normal())
  return orthonormal(multiply(matrix, matrixOf(draws, matrix.columns, width)))
}

/** Gives an orthonormal basis of W W' times a basis. */
function powersOf(matrix: Matrix): (basis: Matrix) => Matrix {
  const transposed = transpose(matrix)
  return (basis) => orthonormal(multiply(matrix, orthonormal(multiply(transposed, basis))))
}

/**
 * The greatest `rank` singular values and vectors, nearly: within a basis of that many random vectors after
 * `iterations` powers of W W', as torch.svd_lowrank. (Halko, Martinsson & Tropp 2009, algorithms 4.4 and 5.1)
 */
export function randomizedSvd(
  matrix: Matrix,
  rank: number,
  { iterations, seed }: { iterations: number; seed: number },
): TruncatedSvd {
  const next = powersOf(matrix)
  let basis = randomBasis(matrix, Math.min(rank, matrix.rows, matrix.columns), seed)
  for (let i = 0; i < iterations; i++) basis = next(basis)
  return withinBasis(matrix, basis, rank)
}

const oversampling = 10
/** Powers of W W' in a basis; then it begins again with the best vectors so far. */
const powers = 5
/** Greatest ||W v - s u|| of the kept vectors over the greatest singular value: what float32 can tell. */
const tolerance = 1e-7

/**
 * The greatest `rank` singular values and vectors, from a basis of powers of W W' times random vectors, which begins
 * again with the best vectors until they stay (block Lanczos, Golub, Luk & Overton 1981; Musco & Musco 2015). PEFT
 * computes them exactly when it loads an adapter, so that what is left of the matrix must be the same.
 */
export function truncatedSvd(matrix: Matrix, rank: number, { seed = 0 }: { seed?: number } = {}): TruncatedSvd {
  const size = Math.min(matrix.rows, matrix.columns)
  const width = Math.min(rank + oversampling, size)
  const next = powersOf(matrix)
  let start = randomBasis(matrix, width, seed)
  while (true) {
    const blocks = [start]
    while (blocks.length <= powers && blocks.length * width < size) blocks.push(next(blocks.at(-1) as Matrix))
    const all = beside(blocks)
    const basis = orthonormal(columnsOf(all, range(Math.min(size, all.columns))))
    const found = withinBasis(matrix, basis, width)
    const svd = greatestOf(found, rank)
    if (basis.columns === size || residual(matrix, svd) <= tolerance) return svd
    start = found.U
  }
}

const greatestOf = ({ U, S, V }: TruncatedSvd, rank: number): TruncatedSvd => ({
  U: columnsOf(U, range(rank)),
  S: S.slice(0, rank),
  V: rowsOf(V, range(rank)),
})

/** The best decomposition whose left vectors lie in a basis Q: Q' W W' Q has their squares and their places. */
function withinBasis(matrix: Matrix, basis: Matrix, rank: number): TruncatedSvd {
  const projected = multiply(transpose(basis), matrix)
  const { values, vectors } = symmetricEigen(multiply(projected, transpose(projected)))
  const greatest = range(values.length).sort((i, j) => (values[j] as number) - (values[i] as number))
  const kept = columnsOf(vectors, greatest.slice(0, rank))
  const rows = multiply(transpose(kept), projected)
  const S = rowLengths(rows)
  return {
    U: multiply(basis, kept),
    S,
    V: scaleRows(
      rows,
      S.map((s) => 1 / (s || 1)),
    ),
  }
}

/** Greatest ||W v - s u||, over the greatest singular value; 0 for a matrix of zeros. */
function residual(matrix: Matrix, { U, S, V }: TruncatedSvd): number {
  const difference = subtract(multiply(matrix, transpose(V)), scaleColumns(U, S))
  return S[0] ? Math.max(...rowLengths(transpose(difference))) / S[0] : 0
}
