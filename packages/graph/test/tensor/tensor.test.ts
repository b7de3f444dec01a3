import { describe, expect, it } from 'vitest'
import { elements, ShapeError, tensorOf } from '../../src/index.ts'

it.each(['float32', 'int8', 'int4', 'uint4'] as const)('%s: another number of elements than dims say', (dtype) => {
  expect([...elements(tensorOf(dtype, [3], [1, 2, 3]))]).toEqual([1, 2, 3])
  expect(() => tensorOf(dtype, [3], [1, 2, 3, 4])).toThrow(ShapeError)
  expect(() => tensorOf(dtype, [3], [1, 2, 3, 4])).toThrow(/expected 3, found 4/)
})

describe('unaligned data', () => {
  it.skipIf(!('Buffer' in globalThis))(
    'copies elements that are not aligned, also from a Buffer, whose slice does not copy',
    () => {
      const bytes = Buffer.alloc(19)
      bytes.writeDoubleLE(1.5, 3)
      bytes.writeDoubleLE(-2, 11)
      expect([...elements({ dtype: 'float64', dims: [2], bytes: () => bytes.subarray(3) })]).toEqual([1.5, -2])
    },
  )
})
