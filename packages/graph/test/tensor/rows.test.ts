import { describe, expect, it } from 'vitest'
import { float32, packedTensor, rowsOf, stackRows, tensor, toFloat32 } from '../../src/index.ts'

const matrix = float32([3, 2], [1, 2, 3, 4, 5, 6])

/** [3, 4] in 4 bits, blocks of 2. */
const quantized = packedTensor({
  bits: 4,
  blockSize: 2,
  N: 3,
  K: 4,
  codes: tensor('uint8', [3, 2, 1], Uint8Array.of(0x21, 0x43, 0x65, 0x87, 0xa9, 0xcb)),
  scales: float32([3, 2], [1, 2, 3, 4, 5, 6]),
  zeroPoints: tensor('uint8', [3, 2], Uint8Array.of(1, 2, 3, 4, 5, 6)),
  transposed: false,
})

describe('rows of a matrix', () => {
  it('are those of the whole', () => {
    expect(rowsOf(matrix, 1, 3)).toMatchObject({ dims: [2, 2] })
    expect([...toFloat32(rowsOf(matrix, 1, 3))]).toEqual([3, 4, 5, 6])
    expect([...toFloat32(rowsOf(float32([3], [7, 8, 9]), 1, 2))]).toEqual([8])
  })

  it('are the whole again when they are stacked', () => {
    const parts = [rowsOf(matrix, 0, 1), rowsOf(matrix, 1, 3)] as const
    expect([...toFloat32(stackRows(parts))]).toEqual([...toFloat32(matrix)])
  })

  it('keep the codes of a quantized matrix', () => {
    const part = rowsOf(quantized, 1, 3)
    expect(part.packed).toMatchObject({ N: 2, K: 4, bits: 4 })
    expect([...toFloat32(part)]).toEqual([...toFloat32(quantized)].slice(4))
    const whole = stackRows([rowsOf(quantized, 0, 1), part])
    expect(whole.packed?.codes.bytes()).toEqual(quantized.packed?.codes.bytes())
    expect([...toFloat32(whole)]).toEqual([...toFloat32(quantized)])
  })

  it('of a quantized and another matrix are stacked as floats', () => {
    const whole = stackRows([rowsOf(quantized, 0, 1), float32([1, 4], [1, 2, 3, 4])])
    expect(whole.packed).toBeUndefined()
    expect([...toFloat32(whole)].slice(4)).toEqual([1, 2, 3, 4])
  })
})
