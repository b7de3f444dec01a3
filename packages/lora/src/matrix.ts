// Matrices in float64, row by row.

/** A matrix of `rows` times `columns` elements. */
export interface Matrix {
  readonly rows: number
  readonly columns: number
  readonly values: Float64Array
}

/** A row-major array as a matrix. */
export const matrixOf = (values: ArrayLike<number>, rows: number, columns: number): Matrix => ({
  rows,
  columns,
  values: Float64Array.from(values),
})

export const zeros = (rows: number, columns: number): Matrix =>
  matrixOf(new Float64Array(rows * columns), rows, columns)

/** A matrix as a row-major array. */
export const arrayOf = ({ values }: Matrix): Float32Array => Float32Array.from(values)

/** A matrix of the same size whose elements a function gives, from a value and its place in memory. */
const mapped = ({ rows, columns, values }: Matrix, map: (value: number, at: number) => number): Matrix => ({
  rows,
  columns,
  values: values.map(map),
})

export const scale = (matrix: Matrix, factor: number): Matrix => mapped(matrix, (value) => value * factor)
export const add = (a: Matrix, b: Matrix): Matrix => mapped(a, (value, at) => value + (b.values[at] as number))
export const subtract = (a: Matrix, b: Matrix): Matrix => mapped(a, (value, at) => value - (b.values[at] as number))

/** diag(factors) A. */
export const scaleRows = (matrix: Matrix, factors: readonly number[]): Matrix =>
  mapped(matrix, (value, at) => value * (factors[Math.floor(at / matrix.columns)] as number))

/** A diag(factors). */
export const scaleColumns = (matrix: Matrix, factors: readonly number[]): Matrix =>
  mapped(matrix, (value, at) => value * (factors[at % matrix.columns] as number))

export function transpose({ rows, columns, values }: Matrix): Matrix {
  const result = new Float64Array(values.length)
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) result[j * rows + i] = values[i * columns + j] as number
  return { rows: columns, columns: rows, values: result }
}

/** A B. */
export function multiply(a: Matrix, b: Matrix): Matrix {
  const result = zeros(a.rows, b.columns)
  const [width, sums] = [b.columns, result.values]
  // Row by row of b: the innermost loop goes along memory.
  for (let i = 0; i < a.rows; i++)
    for (let k = 0; k < a.columns; k++) {
      const factor = a.values[i * a.columns + k] as number
      const [to, from] = [i * width, k * width]
      for (let j = 0; j < width; j++) sums[to + j] = (sums[to + j] as number) + factor * (b.values[from + j] as number)
    }
  return result
}

/** The rows with some numbers, in their order. */
export function rowsOf({ columns, values }: Matrix, rows: readonly number[]): Matrix {
  const result = zeros(rows.length, columns)
  rows.forEach((row, i) => {
    result.values.set(values.subarray(row * columns, (row + 1) * columns), i * columns)
  })
  return result
}

/** The columns with some numbers, in their order. */
export const columnsOf = (matrix: Matrix, columns: readonly number[]): Matrix =>
  transpose(rowsOf(transpose(matrix), columns))

/** Matrices of one width, one below the other. */
export function stack(matrices: readonly Matrix[]): Matrix {
  const columns = matrices[0]?.columns ?? 0
  const rows = matrices.reduce((sum, matrix) => sum + matrix.rows, 0)
  const result = zeros(rows, columns)
  let at = 0
  for (const { values } of matrices) {
    result.values.set(values, at)
    at += values.length
  }
  return result
}

/** Matrices of one height, beside each other. */
export const beside = (matrices: readonly Matrix[]): Matrix => transpose(stack(matrices.map(transpose)))

/** The Euclidean length of each row. */
export const rowLengths = ({ rows, columns, values }: Matrix): number[] =>
  range(rows).map((i) => {
    const row = values.subarray(i * columns, (i + 1) * columns)
    return Math.sqrt(dot(row, row))
  })

/** The inner product of two vectors. */
export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number)
  return sum
}

/** The whole numbers below n. */
export const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
