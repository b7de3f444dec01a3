import { describe, expect, it } from 'vitest'
import { argMax, argMaxRows } from '../../src/index.ts'

describe('argMax', () => {
  it('returns the first of equal values, and NaN if there is one, like torch.argmax', () => {
    expect(argMax([1, 3, 3])).toBe(1)
    expect(argMax([1, Number.NaN, 3])).toBe(1)
    expect(argMax([Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY])).toBe(0)
    expect(argMaxRows(Float32Array.of(1, 2, 4, 3), 2)).toEqual([1, 0])
  })
})
