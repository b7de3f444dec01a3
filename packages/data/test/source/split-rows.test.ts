import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DataError, splitRows } from '../../src/index.ts'

const rows = (counts: readonly number[]) =>
  counts.flatMap((count, label) => Array.from({ length: count }, (_, i) => ({ id: `${label}-${i}`, label })))

describe('splitRows', () => {
  it('splits every class with the same share, rounded, and loses no row', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 2, max: 60 }), { minLength: 1, maxLength: 6 }),
        fc.double({ min: 0.3, max: 0.7, noNaN: true }),
        fc.integer(),
        (counts, share, seed) => {
          const all = rows(counts)
          const { train, validation } = splitRows(all, share, { seed, stratify: ({ label }) => label })
          expect([...train, ...validation].map(({ id }) => id).sort()).toEqual(all.map(({ id }) => id).sort())
          counts.forEach((count, label) => {
            const own = validation.filter((row) => row.label === label).length
            expect(own).toBe(Math.min(count - 1, Math.round(share * count)))
          })
        },
      ),
    )
  })
  it('depends on the seed alone, and keeps the order of the rows', () => {
    const all = rows([30, 30])
    const of = (seed: number) => splitRows(all, 0.2, { seed }).validation.map(({ id }) => id)
    expect(of(1)).toEqual(of(1))
    expect(of(1)).not.toEqual(of(2))
    const places = of(1).map((id) => all.findIndex((row) => row.id === id))
    expect(places).toEqual([...places].sort((a, b) => a - b))
  })
  it.each([0, 1, -0.1, 1.5, Number.NaN, '0.2', { test_size: 0.2 }])('refuses a share of %s', (share) => {
    expect(() => splitRows(rows([10]), share as number)).toThrow(DataError)
    expect(() => splitRows(rows([10]), share as number)).toThrow(/^splitRows, share: not a share of the rows/)
  })
  it('refuses a split with an empty part', () => {
    expect(() => splitRows(rows([1]), 0.5)).toThrow(/no row is left for validation/)
    expect(() => splitRows(rows([10]), 0.01)).toThrow(/no row is left for validation/)
    const labels = rows(Array.from({ length: 150 }, () => 2))
    expect(() => splitRows(labels, 0.2, { stratify: ({ label }) => label })).toThrow(
      /found 300 rows, share 0\.2; the largest class has 2/,
    )
  })
  it('keeps the rows of a group together: a share of the groups, whatever their sizes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 2, maxLength: 30 }),
        fc.double({ min: 0.3, max: 0.7, noNaN: true }),
        fc.integer(),
        (counts, share, seed) => {
          const all = rows(counts)
          const { train, validation } = splitRows(all, share, { seed, groups: ({ label }) => label })
          expect([...train, ...validation].map(({ id }) => id).sort()).toEqual(all.map(({ id }) => id).sort())
          const [learned, judged] = [train, validation].map((part) => new Set(part.map(({ label }) => label)))
          expect(judged?.size).toBe(Math.min(counts.length - 1, Math.round(share * counts.length)))
          expect([...(judged ?? [])].filter((label) => learned?.has(label))).toEqual([])
        },
      ),
    )
    expect(() => splitRows(rows([9]), 0.5, { groups: ({ label }) => label })).toThrow(
      'no row is left for validation, expected more groups, or a greater share, found 9 rows in 1 groups, share 0.5',
    )
  })
  it.each([
    [{ group: () => 1 }, /option group: no such option\. stratify: row => class gives .* groups: row => group keeps/],
    [{ test_size: 0.2 }, /option test_size: .*second argument/],
    [{ random_state: 1 }, /option random_state: .*It is seed/],
    [{ stratify: () => 1, groups: () => 1 }, /option groups: .*expected groups or stratify, found both/],
  ])('says what does it in place of %j', (options, message) => {
    expect(() => splitRows(rows([10]), 0.5, options as never)).toThrow(message)
  })
})
