// Scores of regression: SciPy's correlations and scikit-learn's mean squared error.

import { DataError } from '../errors.ts'
import { describeValue } from '../source/row-checks.ts'
import { checkLengths, checkWarning, ratio, type ScoreOptions } from './counts.ts'
import { mean } from './mean.ts'

/** Scores of predicted numbers. */
export interface RegressionMetrics extends Record<string, number> {
  /** Linear correlation, -1 to 1. */
  pearson: number
  /** Correlation of ranks, -1 to 1. */
  spearman: number
  /** Mean squared error, in squared units of the labels. */
  mse: number
}

type Numbers = ArrayLike<number>
type Options = Pick<ScoreOptions, 'onWarning'>

/** @throws {DataError} naming the row: lists of different length, a value that is not a finite number. */
function checkNumbers(predictions: Numbers, labels: Numbers): void {
  checkLengths(predictions, labels)
  for (const [name, values] of [
    ['labels', labels],
    ['predictions', predictions],
  ] as const) {
    const at = Array.from(values).findIndex((value) => !Number.isFinite(value))
    if (at >= 0)
      throw new DataError({
        where: `${name}, row ${at + 1}`,
        what: 'no finite number',
        expected: 'a number',
        found: describeValue(values[at]),
      })
  }
}

function correlation(x: Numbers, y: Numbers, name: string, { onWarning }: Options): number {
  const [meanX, meanY] = [mean(x), mean(y)]
  let [xy, xx, yy] = [0, 0, 0]
  for (let i = 0; i < x.length; i++) {
    const [dx, dy] = [(x[i] as number) - meanX, (y[i] as number) - meanY]
    xy += dx * dy
    xx += dx * dx
    yy += dy * dy
  }
  // The variance of equal numbers is 0, but the rounding of their mean can make it positive.
  const constant = isConstant(x) || isConstant(y)
  const value = ratio(xy, constant ? 0 : Math.sqrt(xx) * Math.sqrt(yy), () =>
    onWarning?.(`${name} is not defined where all labels or all predictions are equal: it is 0`),
  )
  return Math.max(-1, Math.min(1, value))
}

const isConstant = (values: Numbers): boolean => Array.from(values).every((value) => value === values[0])

/** Pearson's correlation, `scipy.stats.pearsonr`; 0 if one side is constant. @throws {DataError} naming the row. */
export function pearson(predictions: Numbers, labels: Numbers, options: Options = {}): number {
  checkWarning('pearson', options)
  checkNumbers(predictions, labels)
  return correlation(predictions, labels, 'Pearson correlation', options)
}

/**
 * Spearman's correlation, `scipy.stats.spearmanr`: Pearson's correlation of the ranks, with the mean rank for ties; 0
 * if one side is constant.
 * @throws {DataError} naming the row.
 */
export function spearman(predictions: Numbers, labels: Numbers, options: Options = {}): number {
  checkWarning('spearman', options)
  checkNumbers(predictions, labels)
  return correlation(ranks(predictions), ranks(labels), 'Spearman correlation', options)
}

/** Ranks from 1; equal values get the mean of their ranks. */
function ranks(values: Numbers): Float64Array {
  const order = Array.from(values, (_, i) => i).sort((a, b) => (values[a] as number) - (values[b] as number))
  const result = new Float64Array(values.length)
  for (let start = 0; start < order.length; ) {
    let end = start + 1
    while (end < order.length && values[order[end] as number] === values[order[start] as number]) end++
    for (let i = start; i < end; i++) result[order[i] as number] = (start + end + 1) / 2
    start = end
  }
  return result
}

/** Mean squared error, `mean_squared_error`; 0 for no rows. @throws {DataError} naming the row. */
export function meanSquaredError(predictions: Numbers, labels: Numbers, options: Options = {}): number {
  checkWarning('meanSquaredError', options)
  const { onWarning } = options
  checkNumbers(predictions, labels)
  const sum = Array.from(labels).reduce((total, label, i) => total + ((predictions[i] as number) - label) ** 2, 0)
  return ratio(sum, labels.length, () => onWarning?.('mean squared error is not defined for no rows: it is 0'))
}

/** Pearson's and Spearman's correlation, and the mean squared error. @throws {DataError} naming the row. */
export const regressionMetrics = (predictions: Numbers, labels: Numbers, options: Options = {}): RegressionMetrics => {
  checkWarning('regressionMetrics', options)
  return {
    pearson: pearson(predictions, labels, options),
    spearman: spearman(predictions, labels, options),
    mse: meanSquaredError(predictions, labels, options),
  }
}
