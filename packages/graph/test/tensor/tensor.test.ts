import { describe, expect, it } from 'vitest'
import { elements } from '../../src/index.ts'

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
