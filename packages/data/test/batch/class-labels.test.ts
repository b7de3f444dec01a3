import { describe, expect, it } from 'vitest'
import { DataError, classLabels } from '../../src/index.ts'

describe('classLabels', () => {
  it('are int32, with -100 for rows without a class', () => {
    expect(classLabels([2, 0, -100])).toEqual({ data: Int32Array.of(2, 0, -100), dims: [3] })
  })
  it.each([0.5, Number.NaN, -1, '1', null, undefined])('refuse %s, naming the row', (label) => {
    expect(() => classLabels([0, label as number])).toThrow(DataError)
    expect(() => classLabels([0, label as number])).toThrow(/row 2 of the batch, field "label": not a class/)
  })
})
