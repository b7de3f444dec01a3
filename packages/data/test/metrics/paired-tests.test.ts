import { describe, expect, it } from 'vitest'
import { accuracy, mcnemar, pairedBootstrap } from '../../src/index.ts'

describe('paired tests', () => {
  const labels = Array.from({ length: 100 }, (_, i) => i % 2)
  const wrong = (count: number, from = 0) =>
    labels.map((label, i) => (i >= from && i < from + count ? 1 - label : label))

  it('McNemar is the exact binomial test on the rows that differ', () => {
    // 2 against 8 of 10 disputed rows: 2 (1 + 10 + 45) / 1024; scipy.stats.binomtest(2, 10).pvalue.
    const { onlyFirst, onlySecond, p } = mcnemar(wrong(8), wrong(2, 50), labels)
    expect([onlyFirst, onlySecond]).toEqual([2, 8])
    expect(p).toBeCloseTo(0.109375, 10)
    expect(mcnemar(wrong(5), wrong(5), labels).p).toBe(1)
    expect(mcnemar(wrong(30), wrong(0), labels).p).toBeCloseTo(2 ** -29, 15)
  })

  it('the bootstrap interval contains the difference and shrinks with the rows', () => {
    const { difference, interval, p } = pairedBootstrap(accuracy, wrong(30), wrong(5), labels, { seed: 1 })
    expect(difference).toBeCloseTo(0.25, 10)
    // Standard error of the difference: sqrt(0.25 * 0.75 / 100) = 0.0433.
    expect(interval[0]).toBeGreaterThan(0.25 - 3 * 0.0433)
    expect(interval[1]).toBeLessThan(0.25 + 3 * 0.0433)
    expect(interval[0]).toBeLessThan(0.25 - 0.0433)
    expect(p).toBe(0)
    expect(pairedBootstrap(accuracy, wrong(9), wrong(9, 20), labels, { seed: 1 }).p).toBeGreaterThan(0.5)
    // The same run twice says nothing more: the interval is that of one.
    const twice = (values: number[]) => [...values, ...values]
    const doubled = pairedBootstrap(accuracy, twice(wrong(30)), twice(wrong(5)), twice(labels), { seed: 1, runs: 2 })
    expect(doubled.interval).toEqual(interval)
  })
})
