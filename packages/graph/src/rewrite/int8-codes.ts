// Quantizes a matrix to int8 with one scale per output: code = round(value / scale).

import { float32, lazyTensor, type Tensor, tensor, toFloat32 } from '../tensor/tensor.ts'

export interface Codes {
  /** int8, with the matrix's dims. */
  codes: Tensor
  /** float32, one per output. */
  scales: Tensor
}

/**
 * Symmetric codes of a matrix, computed on demand.
 * @param axis The output axis.
 * @param maxCode The code of an output's greatest absolute value. @default 127
 */
export function int8Codes(matrix: Tensor, axis: 0 | 1, maxCode = 127): Codes {
  const { dims } = matrix
  const outputs = [dims[axis] as number]
  let cached: Float32Array | undefined
  const scalesOf = (values: Float32Array): Float32Array => {
    cached ??= outputScales(values, dims, axis, maxCode)
    return cached
  }
  return {
    codes: lazyTensor('int8', dims, () => {
      const values = toFloat32(matrix)
      return tensor('int8', dims, codesOf(values, dims, axis, scalesOf(values)))
    }),
    scales: lazyTensor('float32', outputs, () => float32(outputs, cached ?? scalesOf(toFloat32(matrix)))),
  }
}

function outputScales(values: Float32Array, dims: readonly number[], axis: 0 | 1, maxCode: number): Float32Array {
  const [rows, columns] = dims as [number, number]
  const greatest = axis === 0 ? greatestOfRows(values, rows, columns) : greatestOfColumns(values, rows, columns)
  return greatest.map((value) => (value === 0 ? 1 : value / maxCode))
}

/** The greatest absolute value of each row. */
function greatestOfRows(values: Float32Array, rows: number, columns: number): Float32Array {
  return Float32Array.from({ length: rows }, (_, row) => {
    let greatest = 0
    for (let i = row * columns; i < (row + 1) * columns; i++)
      greatest = Math.max(greatest, Math.abs(values[i] as number))
    return greatest
  })
}

/** The greatest absolute value of each column. */
function greatestOfColumns(values: Float32Array, rows: number, columns: number): Float32Array {
  const greatest = new Float32Array(columns)
  for (let row = 0, i = 0; row < rows; row++)
    for (let column = 0; column < columns; column++, i++)
      greatest[column] = Math.max(greatest[column] as number, Math.abs(values[i] as number))
  return greatest
}

function codesOf(values: Float32Array, dims: readonly number[], axis: 0 | 1, scales: Float32Array): Int8Array {
  const [rows, columns] = dims as [number, number]
  const codes = new Int8Array(values.length)
  // Math.round, as it is defined: V8 calls a function for it, five times as slow as the rest of the loop.
  for (let row = 0, i = 0; row < rows; row++)
    for (let column = 0; column < columns; column++, i++)
      codes[i] = Math.floor((values[i] as number) / (scales[axis === 0 ? row : column] as number) + 0.5)
  return codes
}
