// Quantizes a matrix to int8 with one scale per output: code = round(value / scale).

import { elements, float32, lazyTensor, type Tensor, tensor, toFloat32 } from '../tensor/tensor.ts'

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

/** The transposed codes, computed on demand. */
export function transposedCodes(codes: Tensor): Tensor {
  const [rows, columns] = codes.dims as [number, number]
  return lazyTensor('int8', [columns, rows], () => {
    const values = elements(codes) as Int8Array
    const swapped = new Int8Array(values.length)
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++)
        swapped[column * rows + row] = values[row * columns + column] as number
    return tensor('int8', [columns, rows], swapped)
  })
}

function outputScales(
  values: Float32Array,
  [rows, columns]: readonly number[],
  axis: 0 | 1,
  maxCode: number,
): Float32Array {
  const scales = new Float32Array((axis === 0 ? rows : columns) as number)
  for (let row = 0, i = 0; row < (rows as number); row++)
    for (let column = 0; column < (columns as number); column++, i++) {
      const output = axis === 0 ? row : column
      scales[output] = Math.max(scales[output] as number, Math.abs(values[i] as number))
    }
  return scales.map((value) => (value === 0 ? 1 : value / maxCode))
}

function codesOf(
  values: Float32Array,
  [rows, columns]: readonly number[],
  axis: 0 | 1,
  scales: Float32Array,
): Int8Array {
  const codes = new Int8Array(values.length)
  for (let row = 0, i = 0; row < (rows as number); row++)
    for (let column = 0; column < (columns as number); column++, i++)
      codes[i] = Math.round((values[i] as number) / (scales[axis === 0 ? row : column] as number))
  return codes
}
