// Scores of multi-label classification, with scikit-learn's definitions for indicator matrices.

import { checkOptions } from '@cola/graph/options'
import { DataError } from '../errors.ts'
import { describeValue } from '../source/row-checks.ts'
import { checkLengths, checkNames, listed, ratio, scoreChecks, type ScoreOptions } from './counts.ts'
import { mean } from './mean.ts'

/** For each class 1 if the row has the label, else 0. */
export type Indicators = ArrayLike<number>

/** Scores 0 to 1. */
export interface MultiLabelMetrics extends Record<string, number> {
  /** Share of rows whose labels are all correct: `accuracy_score`. */
  subset_accuracy: number
  f1_micro: number
  f1_macro: number
  f1_weighted: number
  /** Mean over rows of each row's F1. */
  f1_samples: number
}

/** Numbers of labels that are both true and predicted, true, and predicted. */
interface Overlap {
  hits: number
  actual: number
  predicted: number
}

type Warn = ScoreOptions['onWarning']

const { classes: _, ...checks } = scoreChecks

const f1Of = ({ hits, actual, predicted }: Overlap, warn: () => void): number =>
  ratio(2 * hits, actual + predicted, warn)

/**
 * Subset accuracy, and F1 as micro, macro, weighted and samples average.
 * @param predictions Rows of indicators, one per class.
 * @throws {DataError} naming the row: lists of different length, indicators other than 0 and 1; names that are not one
 * for each class.
 */
export function multiLabelMetrics(
  predictions: readonly Indicators[],
  labels: readonly Indicators[],
  options: Omit<ScoreOptions, 'classes'> = {},
): MultiLabelMetrics {
  checkOptions('multiLabelMetrics', options, checks)
  const { onWarning, target_names } = options
  checkLengths(predictions, labels)
  const classes = labels[0]?.length ?? 0
  checkIndicators('labels', labels, classes)
  checkIndicators('predictions', predictions, classes)
  checkNames(target_names, classes, labels.length === 0)
  const byRow = labels.map((row, i) => overlap(Array.from(row), Array.from(predictions[i] as Indicators)))
  const column = (rows: readonly Indicators[], id: number) => rows.map((row) => row[id] as number)
  const byClass = Array.from({ length: classes }, (_, id) => overlap(column(labels, id), column(predictions, id)))
  const all = byClass.reduce(add, { hits: 0, actual: 0, predicted: 0 })
  const scores = f1s(byClass, 'classes without a label in any row', onWarning, target_names)
  const right = byRow.filter(({ hits, actual, predicted }) => hits === actual && hits === predicted).length
  const support = byClass.reduce((sum, { actual }, id) => sum + actual * (scores[id] as number), 0)
  const undefinedHere = (score: string) => () => onWarning?.(`${score} is not defined: there are no labels; it is 0`)
  return {
    subset_accuracy: ratio(right, labels.length, undefinedHere('subset_accuracy')),
    f1_micro: f1Of(all, undefinedHere('f1_micro')),
    f1_macro: mean(scores),
    f1_weighted: ratio(support, all.actual, undefinedHere('f1_weighted')),
    f1_samples: mean(f1s(byRow, 'rows without any label', onWarning)),
  }
}

const add = (a: Overlap, b: Overlap): Overlap => ({
  hits: a.hits + b.hits,
  actual: a.actual + b.actual,
  predicted: a.predicted + b.predicted,
})

function overlap(actual: readonly number[], predicted: readonly number[]): Overlap {
  const ones = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0)
  return {
    hits: ones(actual.map((value, i) => value * (predicted[i] as number))),
    actual: ones(actual),
    predicted: ones(predicted),
  }
}

/** @param names Of those that have a score. @default they are counted */
function f1s(overlaps: readonly Overlap[], what: string, onWarning: Warn, names?: readonly unknown[]): number[] {
  const missing: number[] = []
  const scores = overlaps.map((entry, i) => f1Of(entry, () => missing.push(i)))
  if (missing.length > 0)
    onWarning?.(`F1 is not defined for ${what}: it counts as 0 for ${names ? listed(missing, names) : missing.length}`)
  return scores
}

function checkIndicators(name: string, rows: readonly Indicators[], classes: number): void {
  rows.forEach((row, i) => {
    const where = `${name}, row ${i + 1}`
    if (row.length !== classes)
      throw new DataError({
        where,
        what: 'not an indicator for each class',
        expected: String(classes),
        found: String(row.length),
      })
    const invalid = Array.from(row).find((value) => value !== 0 && value !== 1)
    if (invalid !== undefined)
      throw new DataError({ where, what: 'no indicator', expected: '0 or 1', found: describeValue(invalid) })
  })
}
