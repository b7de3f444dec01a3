// Matrices as whole numbers of eight bits, a scale to each output: code = round(value / scale).

import { elements, float32, lazyTensor, type Tensor, tensor, toFloat32 } from '../tensor/tensor.ts'

export interface Codes {
  /** int8, of the matrix's dims. */
  codes: Tensor
  /** float32, one an output. */
  scales: Tensor
}

/**
 * Symmetric codes of a matrix, made when their bytes are asked for.
 * @param axis The axis that counts outputs.
 * @param greatest The code of an output's greatest value.
 */
export function int8Codes(matrix: Tensor, axis: 0 | 1, greatest = 127): Codes {
  const { dims } = matrix
  const outputs = [dims[axis] as number]
  let found: Float32Array | undefined
  const scalesOf = (values: Float32Array): Float32Array => {
    found ??= outputScales(values, dims, axis, greatest)
    return found
  }
  return {
    codes: lazyTensor('int8', dims, () => {
      const values = toFloat32(matrix)
      return tensor('int8', dims, codesOf(values, dims, axis, scalesOf(values)))
    }),
    scales: lazyTensor('float32', outputs, () => float32(outputs, found ?? scalesOf(toFloat32(matrix)))),
  }
}

/** Codes with their axes swapped, made when their bytes are asked for. */
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
  greatest: number,
): Float32Array {
  const scales = new Float32Array((axis === 0 ? rows : columns) as number)
  for (let row = 0, i = 0; row < (rows as number); row++)
    for (let column = 0; column < (columns as number); column++, i++) {
      const output = axis === 0 ? row : column
      scales[output] = Math.max(scales[output] as number, Math.abs(values[i] as number))
    }
  return scales.map((value) => (value === 0 ? 1 : value / greatest))
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
