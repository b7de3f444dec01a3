import { describe, expect, it } from 'vitest'
import { DataError, divideRows } from '../../src/index.ts'

const rows = Array.from({ length: 30 }, (_, i) => ({ text: `text ${i}`, label: i % 3 === 0 ? 'rare' : 'usual' }))

describe('divideRows', () => {
  it('takes the same share of each class, in the order of the rows, by the seed', () => {
    const { train, validation } = divideRows(rows, 0.2, 1)
    expect(validation.filter(({ label }) => label === 'rare').length).toBe(2)
    expect(validation.length).toBe(6)
    expect([...train, ...validation].sort((a, b) => rows.indexOf(a) - rows.indexOf(b))).toEqual(rows)
    expect(divideRows(rows, 0.2, 1)).toEqual({ train, validation })
    expect(divideRows(rows, 0.2, 2).validation).not.toEqual(validation)
  })
  it('takes a share of all rows where labels are amounts, whole or not, many or few of which are equal', () => {
    const amounts = Array.from({ length: 40 }, (_, i) => ({ text: `text ${i}`, label: i < 10 ? 0 : i }))
    expect(() => divideRows(amounts.slice(10), 0.2, 1)).toThrow(/no row is left for validation/)
    const { validation } = divideRows(amounts, 0.2, 1, false)
    expect(validation.length).toBe(8)
    expect(new Set(validation.map(({ label }) => label)).size).toBeGreaterThan(2)
    expect(divideRows(amounts.slice(10), 0.2, 1, false).validation.length).toBe(6)
  })
  it('returns separate rows, and rows without validation, unchanged', () => {
    const [first, others] = [rows.slice(0, 5), rows.slice(5)]
    expect(divideRows(others, first, 1)).toEqual({ train: others, validation: first })
    expect(divideRows(rows, undefined, 1)).toEqual({ train: rows, validation: [] })
  })
  it.each([
    [[], undefined, /option train: no rows, expected an array of at least one row/],
    ['rows', undefined, /option train: no rows, .* found string/],
    [[{ text: 'a' }, null], undefined, /option train, row 2: not a row, expected an object.*, found null/],
    [['a', 'b'], undefined, /option train, row 1: not a row, expected an object, such as \{ text, label \}, found "a"/],
    [rows, [7], /option validation, row 1: not a row, expected an object.*, found 7/],
    [rows, 1, /option validation: not a share of the rows/],
  ])('refuses %j and %j', (train, validation, message) => {
    expect(() => divideRows(train as never, validation as never, 1)).toThrow(DataError)
    expect(() => divideRows(train as never, validation as never, 1)).toThrow(message)
  })
})
