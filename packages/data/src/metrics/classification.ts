// Classification scores for any number of classes, with scikit-learn's definitions. An undefined score is 0, with a
// warning.

import { type Checks, checkOptions, oneOf } from '@cola/graph/options'
import { DataError } from '../errors.ts'
import {
  checkWarning,
  type ClassCounts,
  type ClassIds,
  countClasses,
  listed,
  ratio,
  scoreChecks,
  type ScoreOptions,
} from './counts.ts'
import { mean } from './mean.ts'

/** How the scores of classes are averaged; scikit-learn's `average`. `binary`: the score of class 1 of two. */
export type Average = 'binary' | 'macro' | 'micro' | 'weighted'

/** How scores of several classes become one: scikit-learn's `average`. */
export interface AverageOptions extends ScoreOptions {
  /** @default 'binary' */
  average?: Average
}

/** Precision, recall, F1 and the number of rows of one class. */
export interface ClassScores {
  /** Class id. */
  class: number
  precision: number
  recall: number
  f1: number
  /** Number of rows with this label. */
  support: number
}

/** Scores 0 to 1, MCC -1 to 1. */
export interface ClassificationMetrics extends Record<string, number> {
  accuracy: number
  mcc: number
  f1_macro: number
  f1_micro: number
  f1_weighted: number
}

/** Scores of a class. */
export type Score = 'precision' | 'recall' | 'f1'

/** Numerator and denominator of each score of a class. */
const fractions: Readonly<
  Record<Score, (hits: number, predicted: number, actual: number) => readonly [number, number]>
> = {
  precision: (hits, predicted) => [hits, predicted],
  recall: (hits, _, actual) => [hits, actual],
  f1: (hits, predicted, actual) => [2 * hits, predicted + actual],
}

/** For which classes a score is undefined, for warnings. */
const undefinedWhere: Readonly<Record<Score, string>> = {
  precision: 'is never predicted',
  recall: 'does not occur among the labels',
  f1: 'neither occurs nor is predicted',
}

/** The scores of classes; a warning lists those for which the score is undefined. */
function byClass(
  score: Score,
  { hits, predicted, actual }: ClassCounts,
  ids: readonly number[],
  { target_names, onWarning }: ScoreOptions,
): number[] {
  const missing: number[] = []
  const at = (counts: Float64Array, id: number) => counts[id] ?? 0
  const scores = ids.map((id) =>
    ratio(...fractions[score](at(hits, id), at(predicted, id), at(actual, id)), () => missing.push(id)),
  )
  if (missing.length > 0)
    onWarning?.(
      `${score} is not defined for a class that ${undefinedWhere[score]}: it counts as 0 for ${listed(missing, target_names)}`,
    )
  return scores
}

/** One score of all classes, by the name of its average. */
export const averages: Readonly<Record<Average, (score: Score, counts: ClassCounts, options: ScoreOptions) => number>> =
  {
    binary: (score, counts, options) => byClass(score, counts, [1], options)[0] as number,
    macro: (score, counts, options) => mean(byClass(score, counts, counts.present, options)),
    // Every row has one label and one prediction, so all three micro averages are the accuracy.
    micro: (_, { right, rows }) => (rows === 0 ? 0 : right / rows),
    weighted: (score, counts, options) => {
      const scores = byClass(score, counts, counts.present, options)
      const sum = scores.reduce(
        (total, value, i) => total + value * (counts.actual[counts.present[i] as number] as number),
        0,
      )
      return counts.rows === 0 ? 0 : sum / counts.rows
    },
  }

const averageChecks: Checks<AverageOptions> = { average: oneOf(Object.keys(averages)), ...scoreChecks }

function averaged(score: Score, predictions: ClassIds, labels: ClassIds, given: AverageOptions): number {
  checkOptions(score, given, averageChecks)
  const { average = 'binary', ...options } = given
  const averageOf = averages[average]
  const counts = countClasses(predictions, labels, options)
  if (average === 'binary' && !isBinary(counts))
    throw new DataError({
      where: 'option average',
      what: "'binary' is for two classes",
      expected: 'class ids 0 and 1',
      found: `${counts.actual.length} classes`,
      fix: "Give average: 'macro', 'micro' or 'weighted'.",
    })
  if (counts.rows === 0) options.onWarning?.(`${score} is not defined for no rows: it is 0`)
  return averageOf(score, counts, options)
}

const isBinary = ({ actual }: ClassCounts): boolean => actual.length <= 2

/** Share of correct rows among those predicted as a class: `precision_score`. @throws {DataError} as {@link f1}. */
export const precision = (predictions: ClassIds, labels: ClassIds, options: AverageOptions = {}): number =>
  averaged('precision', predictions, labels, options)

/** Share of correct rows among those of a class: `recall_score`. @throws {DataError} as {@link f1}. */
export const recall = (predictions: ClassIds, labels: ClassIds, options: AverageOptions = {}): number =>
  averaged('recall', predictions, labels, options)

/**
 * Harmonic mean of precision and recall, 0 to 1: `f1_score`.
 * @throws {DataError} for lists of different length, ids that are not classes, or the binary average of more than two.
 * @throws {ConfigError} for an option that is unknown or out of its range.
 */
export const f1 = (predictions: ClassIds, labels: ClassIds, options: AverageOptions = {}): number =>
  averaged('f1', predictions, labels, options)

/**
 * Precision, recall, F1 and support of each class: `precision_recall_fscore_support`.
 * @throws {DataError} as {@link f1}.
 */
export function classScores(predictions: ClassIds, labels: ClassIds, options: ScoreOptions = {}): ClassScores[] {
  checkOptions('classScores', options, scoreChecks)
  const counts = countClasses(predictions, labels, options)
  const scoresOf = (score: Score) => byClass(score, counts, counts.present, options)
  const [precisions, recalls, f1s] = [scoresOf('precision'), scoresOf('recall'), scoresOf('f1')]
  return counts.present.map((id, i) => ({
    class: id,
    precision: precisions[i] as number,
    recall: recalls[i] as number,
    f1: f1s[i] as number,
    support: counts.actual[id] as number,
  }))
}

function accuracyOf({ right, rows }: ClassCounts, { onWarning }: ScoreOptions): number {
  return ratio(right, rows, () => onWarning?.('accuracy is not defined for no rows: it is 0'))
}

/** Share of correct rows, 0 to 1; 0 for no rows. @throws {DataError} as {@link f1}. */
export const accuracy = (predictions: ClassIds, labels: ClassIds, options: ScoreOptions = {}): number => {
  checkOptions('accuracy', options, scoreChecks)
  return accuracyOf(countClasses(predictions, labels, options), options)
}

/** R_K = (c s - t.p) / sqrt((s^2 - p.p) (s^2 - t.t)) of s rows, c of them correct, and counts t and p by class. */
function correlationOf({ rows, right, actual, predicted }: ClassCounts, { onWarning }: ScoreOptions): number {
  const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, id) => sum + value * (b[id] as number), 0)
  const [covariance, predictionVariance, labelVariance] = [
    right * rows - dot(actual, predicted),
    rows ** 2 - dot(predicted, predicted),
    rows ** 2 - dot(actual, actual),
  ]
  return ratio(covariance, Math.sqrt(predictionVariance * labelVariance), () => {
    const reason =
      rows === 0 ? 'there are no rows' : `all ${labelVariance === 0 ? 'labels' : 'predictions'} are of one class`
    onWarning?.(`Matthews correlation is not defined where ${reason}: it is 0`)
  })
}

/**
 * Matthews correlation, -1 to 1, of any number of classes: Gorodkin's R_K (2004), `matthews_corrcoef`. 0 if all labels
 * or all predictions are of one class.
 * @throws {DataError} as {@link f1}.
 */
export const matthewsCorrelation = (predictions: ClassIds, labels: ClassIds, options: ScoreOptions = {}): number => {
  checkOptions('matthewsCorrelation', options, scoreChecks)
  return correlationOf(countClasses(predictions, labels, options), options)
}

/**
 * Share of the most frequent label: the accuracy of a constant prediction; 0 for no rows.
 * @throws {DataError} as {@link f1}.
 */
export function majorityBaseline(labels: ClassIds, options: Pick<ScoreOptions, 'onWarning'> = {}): number {
  checkWarning('majorityBaseline', options)
  const { actual, rows } = countClasses(labels, labels)
  const maximum = actual.reduce((greatest, count) => Math.max(greatest, count), 0)
  return ratio(maximum, rows, () =>
    options.onWarning?.('the majority class is not defined for no rows: its share is 0'),
  )
}

/**
 * Accuracy, Matthews correlation, and F1 as macro, micro and weighted average, for any number of classes; with two
 * classes also `f1`, of class 1. Averages are over the classes that occur in labels or predictions, or over all of
 * `classes`. Undefined scores are 0, and `onWarning` is called.
 * @throws {DataError} as {@link f1}.
 */
export function classificationMetrics(
  predictions: ClassIds,
  labels: ClassIds,
  options: ScoreOptions = {},
): ClassificationMetrics {
  checkOptions('classificationMetrics', options, scoreChecks)
  const counts = countClasses(predictions, labels, options)
  const { target_names = [] } = options
  const f1Of = (average: Average, given: ScoreOptions = {}) => averages[average]('f1', counts, given)
  return {
    accuracy: accuracyOf(counts, options),
    mcc: correlationOf(counts, options),
    ...(isBinary(counts) && target_names.length <= 2 ? { f1: f1Of('binary', options) } : {}),
    f1_macro: f1Of('macro', options),
    f1_micro: f1Of('micro'),
    f1_weighted: f1Of('weighted'),
  }
}
