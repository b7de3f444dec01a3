// Matrices as whole numbers of eight bits, a scale to each output: code = round(value / scale).

import type { Tensor } from '../tensor/tensor.ts'
import { elements, float32, tensor, toFloat32 } from '../tensor/tensor.ts'

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
  const scalesOf = (values: Float32Array) => outputScales(values, dims, axis, greatest)
  return {
    codes: lazy('int8', matrix, (values) => tensor('int8', dims, codesOf(values, dims, axis, scalesOf(values)))),
    scales: lazy('float32', { ...matrix, dims: [dims[axis] as number] }, (values) => float32([dims[axis] as number], scalesOf(values))),
  }
}

/** A matrix with its axes swapped, made when its bytes are asked for. */
export function transposedTensor(matrix: Tensor): Tensor {
  const [rows, columns] = matrix.dims as [number, number]
  const swap = () => {
    const values = elements(matrix) as Int8Array
    const swapped = new Int8Array(values.length)
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++) swapped[column * rows + row] = values[row * columns + column] as number
    return tensor('int8', [columns, rows], swapped)
  }
  return { dtype: 'int8', dims: [columns, rows], bytes: () => swap().bytes() }
}

/** A tensor whose bytes are made from another's values when they are asked for. */
export const lazy = (dtype: Tensor['dtype'], { dims, ...source }: Tensor, make: (values: Float32Array) => Tensor): Tensor => ({
  dtype,
  dims,
  bytes: () => make(toFloat32({ dims, ...source })).bytes(),
})

function outputScales(values: Float32Array, [rows, columns]: readonly number[], axis: 0 | 1, greatest: number): Float32Array {
  const scales = new Float32Array((axis === 0 ? rows : columns) as number)
  for (let row = 0, i = 0; row < (rows as number); row++)
    for (let column = 0; column < (columns as number); column++, i++) {
      const output = axis === 0 ? row : column
      scales[output] = Math.max(scales[output] as number, Math.abs(values[i] as number))
    }
  return scales.map((value) => (value === 0 ? 1 : value / greatest))
}

function codesOf(values: Float32Array, [rows, columns]: readonly number[], axis: 0 | 1, scales: Float32Array): Int8Array {
  const codes = new Int8Array(values.length)
  for (let row = 0, i = 0; row < (rows as number); row++)
    for (let column = 0; column < (columns as number); column++, i++)
      codes[i] = Math.round((values[i] as number) / (scales[axis === 0 ? row : column] as number))
  return codes
}
