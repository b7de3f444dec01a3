import { describe, expect, it } from 'vitest'
import { meanSquaredError, pearson, regressionMetrics, spearman } from '../../src/index.ts'
import { close, fixture, warned } from '../support/task-metrics.ts'

describe('numbers', () => {
  it.each(fixture.regression.map((one, i) => [i, one] as const))(
    'as SciPy and scikit-learn, %i',
    (_, { labels, predictions, scores }) => {
      close(regressionMetrics(predictions, labels), scores)
    },
  )
  it('are 0 with a warning if they are undefined', () => {
    // The mean of three times 0.1 is not 0.1.
    const constant = [0.1, 0.1, 0.1]
    expect(warned((onWarning) => pearson(constant, [1, 2, 3], { onWarning }))).toEqual([
      0,
      [expect.stringMatching(/equal/)],
    ])
    expect(warned((onWarning) => spearman([1, 2, 3], constant, { onWarning }))).toEqual([
      0,
      [expect.stringMatching(/equal/)],
    ])
    expect(warned((onWarning) => meanSquaredError([], [], { onWarning }))).toEqual([
      0,
      [expect.stringMatching(/no rows/)],
    ])
    close(regressionMetrics([], []), { pearson: 0, spearman: 0, mse: 0 })
    expect(pearson([1e-3, 2e-3, 3e-3], [2, 4, 6])).toBeLessThanOrEqual(1)
  })
  it('refuse values that are not numbers', () => {
    expect(() => pearson([1, Number.NaN], [1, 2])).toThrow(/predictions, row 2: no finite number.*found NaN/)
    expect(() => meanSquaredError([1], [1, 2])).toThrow(/not as many as labels/)
  })
})
