// Paired tests of two classifiers on the same rows.

import { requireKind } from '@cola/graph/door'
import { type Check, type Checks, checkOptions, integer, requireOptions, whole } from '@cola/graph/options'
import { DataError } from '../errors.ts'
import { random } from '../random.ts'
import { checkLengths } from './counts.ts'

/** Result of McNemar's test. */
export interface McNemar {
  /** Number of rows that only the first classifier predicts correctly. */
  onlyFirst: number
  /** Number of rows that only the second classifier predicts correctly. */
  onlySecond: number
  /** Exact two-sided p-value of equal accuracy. */
  p: number
}

/** Checks that both lists of predictions are as long as the labels. @throws {DataError} naming the list. */
function checkRows(first: readonly number[], second: readonly number[], labels: readonly number[]): void {
  checkLengths(first, labels, ['first predictions', 'labels'])
  checkLengths(second, labels, ['second predictions', 'labels'])
}

/**
 * McNemar's exact test (1947): a binomial test on the rows that only one of the classifiers predicts correctly; any
 * number of classes.
 * @throws {DataError} for lists of different length.
 */
export function mcnemar(first: readonly number[], second: readonly number[], labels: readonly number[]): McNemar {
  checkRows(first, second, labels)
  const isCorrect = (predictions: readonly number[], i: number) => predictions[i] === labels[i]
  const onlyFirst = labels.filter((_, i) => isCorrect(first, i) && !isCorrect(second, i)).length
  const onlySecond = labels.filter((_, i) => !isCorrect(first, i) && isCorrect(second, i)).length
  return {
    onlyFirst,
    onlySecond,
    p: Math.min(1, 2 * binomialTail(Math.min(onlyFirst, onlySecond), onlyFirst + onlySecond)),
  }
}

/** P(X <= k) of a fair coin thrown n times. */
function binomialTail(k: number, n: number): number {
  let logChoose = 0
  let sum = 0
  for (let i = 0; i <= k; i++) {
    if (i > 0) logChoose += Math.log((n - i + 1) / i)
    sum += Math.exp(logChoose - n * Math.LN2)
  }
  return sum
}

/** Options of {@link pairedBootstrap}. */
export interface BootstrapOptions {
  /** Seed of the resamples. */
  seed: number
  /** @default 2000 */
  resamples?: number
  /** @default 0.95 */
  confidence?: number
  /**
   * Number of runs that are concatenated, each over the same rows in the same order. A row is drawn for all runs
   * together, because predictions of several seeds for one row are not independent. @default 1
   */
  runs?: number
}

const confidence: Check = [
  'a number above 0 and below 1',
  (value) => typeof value === 'number' && value > 0 && value < 1,
]
const checks: Checks<BootstrapOptions> = { seed: integer, resamples: whole(1), confidence, runs: whole(1) }

/** Result of a paired bootstrap. */
export interface Bootstrap {
  /** metric(second) - metric(first) on all rows. */
  difference: number
  /** Percentile interval of the difference. */
  interval: readonly [number, number]
  /** Two-sided: twice the share of resamples on the far side of zero. */
  p: number
}

/** A metric of predicted and true classes, such as `accuracy`. */
export type Metric = (predictions: readonly number[], labels: readonly number[]) => number

/**
 * Paired bootstrap (Efron & Tibshirani 1993): the difference of a metric over rows drawn with replacement, the same
 * rows for both.
 * @throws {DataError} for lists of different length, no rows, a number of rows that `runs` does not divide, a metric
 * that is NaN.
 * @throws {ConfigError} for an option that is unknown or out of its range.
 */
export function pairedBootstrap(
  metric: Metric,
  first: readonly number[],
  second: readonly number[],
  labels: readonly number[],
  options: BootstrapOptions,
): Bootstrap {
  checkOptions('pairedBootstrap', options, checks)
  requireOptions('pairedBootstrap', options, checks, ['seed'])
  requireKind('pairedBootstrap, metric', metric, 'function')
  const { seed, resamples = 2000, confidence = 0.95, runs = 1 } = options
  checkRows(first, second, labels)
  if (labels.length === 0)
    throw new DataError({ where: 'labels', what: 'nothing to draw from', expected: 'at least one row', found: '0' })
  if (labels.length % runs !== 0)
    throw new DataError({
      where: 'option runs',
      what: 'not a number of equal runs',
      expected: `a divisor of ${labels.length} rows`,
      found: String(runs),
    })
  const stream = random(seed, 'bootstrap')
  const at = (rows: readonly number[], values: readonly number[]) => rows.map((i) => values[i] as number)
  const difference = (rows: readonly number[]) => {
    const value = metric(at(rows, second), at(rows, labels)) - metric(at(rows, first), at(rows, labels))
    if (Number.isNaN(value))
      throw new DataError({
        where: 'metric',
        what: 'gives no number',
        expected: 'a number for any rows',
        found: 'NaN',
        fix: 'Let it be 0 where it is not defined.',
      })
    return value
  }
  const count = labels.length / runs
  const all = labels.map((_, i) => i)
  const draw = () => {
    const rows = Array.from({ length: count }, () => stream.integer(count))
    return Array.from({ length: runs }, (_, run) => rows.map((row) => run * count + row)).flat()
  }
  const differences = Array.from({ length: resamples }, () => difference(draw())).sort((a, b) => a - b)
  const quantile = (share: number) => differences[Math.min(resamples - 1, Math.floor(share * resamples))] as number
  const below = differences.filter((value) => value <= 0).length
  const above = differences.filter((value) => value >= 0).length
  return {
    difference: difference(all),
    interval: [quantile((1 - confidence) / 2), quantile(1 - (1 - confidence) / 2)],
    p: Math.min(1, (2 * Math.min(below, above)) / resamples),
  }
}
