// transformers' `problem_type` of sequence classification, a row each: targets, loss, scores and answers.

import {
  argMax,
  classificationMetrics,
  classIndex,
  DataError,
  describeValue,
  type Label,
  oneLabel,
  requireLabels,
  severalLabels,
} from '@cola/data'
import type { Loss } from '@cola/graph'
import { binaryCrossEntropy, crossEntropy, meanSquaredError, type Metrics } from '@cola/train'
import { type ClassWeights, perLabel, weightOption } from './class-weight.ts'
import { commaFix } from './decimal-comma.ts'
import type { ScoreContext } from './task.ts'

/** What labels are: transformers' `problem_type`. */
export type ProblemType = 'single_label_classification' | 'multi_label_classification' | 'regression'

/** The prediction for a text. @typeParam L Names of the classes. */
export interface Classification<L extends Label = Label> {
  /** The most probable class; undefined for regression, whose labels are numbers. */
  label: L extends number ? L | undefined : L
  /** Its index; -1 for regression. */
  index: number
  /** Probability of `label`; for regression the number, as in transformers' pipelines. */
  score: number
  /** The class alone, or with several labels all whose probability is at least one half. */
  labels: readonly L[]
  /** Of each class in order; they sum to 1 where there is one label. */
  probabilities: readonly number[]
  /** The number, for regression. */
  value?: number
}

/** What to do about a label that is not a class: classes are those of the training rows, or those that are named. */
const unknownLabelFix = (where: string): string =>
  where.startsWith('train')
    ? 'Name it with the option labels too, or leave that option out.'
    : where.startsWith('rows')
      ? 'The model knows its classes alone: rename the label, or leave the row out. Indices need a table: { rows, classes }.'
      : 'The training rows have no such label: add some, or name all classes with the option labels. ' +
        'Indices need a table: { rows, classes }.'

/** Metric that decides the best epoch. */
export const metricOfProblem: Readonly<Record<ProblemType, string>> = {
  single_label_classification: 'mcc',
  multi_label_classification: 'f1_micro',
  regression: 'pearson',
}

/** The classes that are scored, and who is told of what one should look at. */
export interface ScoredClasses extends Pick<ScoreContext, 'onWarning'> {
  labels: readonly Label[]
}

interface LossSettings {
  label_smoothing: number
  labels?: readonly Label[]
  class_weight?: ClassWeights
  pos_weight?: ClassWeights
}

/** What differs between the problem types. */
interface ProblemTypeRow {
  /** The target of one example. @throws {DataError} naming the row. */
  target: (label: unknown, classes: readonly Label[], where: string) => readonly number[]
  loss: (settings: LossSettings) => Loss
  scores: (
    logits: readonly (readonly number[])[],
    targets: readonly (readonly number[])[],
    options: ScoredClasses,
  ) => Metrics | Promise<Metrics>
  classification: (logits: readonly number[], classes: readonly Label[]) => Classification
}

export const problemTypes: { readonly [P in ProblemType]: ProblemTypeRow } = {
  single_label_classification: {
    target: (label, classes, where) => [classIndex(classes, label, where, unknownLabelFix(where))],
    loss: ({ label_smoothing, labels = [], class_weight }) =>
      crossEntropy({ label_smoothing, ...weightOption(labels, class_weight) }),
    scores: (logits, targets, options) => {
      const predictions = logits.map(argMax)
      warnOfCollapse(predictions, options)
      const { labels: target_names, onWarning } = options
      return classificationMetrics(predictions, targets.map(first), { target_names, onWarning })
    },
    classification: oneLabel,
  },
  multi_label_classification: {
    target: (label, classes, where) => {
      const indices = requireLabels(label, where).map((one) => classIndex(classes, one, where, unknownLabelFix(where)))
      return classes.map((_, i) => (indices.includes(i) ? 1 : 0))
    },
    loss: ({ labels = [], pos_weight }) =>
      binaryCrossEntropy(pos_weight ? { pos_weight: perLabel(labels, pos_weight) } : {}),
    scores: async (...scored) => (await import('./other-scores.ts')).multiLabelScores(...scored),
    classification: severalLabels,
  },
  regression: {
    target: (label, _, where) => [requireNumber(label, where)],
    loss: () => meanSquaredError(),
    scores: async (...scored) => (await import('./other-scores.ts')).regressionScores(...scored),
    classification: ([value = Number.NaN]) => ({
      label: undefined,
      index: -1,
      score: value,
      labels: [],
      probabilities: [],
      value,
    }),
  },
}

const first = ([value]: readonly number[]): number => value as number

/** A warning where the model predicts the same class for every row: training has probably diverged. */
function warnOfCollapse(predictions: readonly number[], { labels, onWarning }: ScoredClasses): void {
  if (predictions.length < 10 || new Set(predictions).size > 1) return
  const advice = 'try a lower learning rate or a longer warm-up'
  const name = describeValue(labels[predictions[0] as number])
  onWarning(`all ${predictions.length} rows are predicted as class ${name}: the classifier has collapsed; ${advice}`)
}

const numberFix = 'Make it a number: Number(row.label).'
const wordFix = (label: string): string => (Number.isFinite(Number(label)) ? numberFix : classesFix)
const classesFix = 'Where labels are classes, leave problem_type out.'

/** @throws {DataError} naming the row, for a label that is no finite number. */
function requireNumber(label: unknown, where: string): number {
  if (typeof label === 'number' && Number.isFinite(label)) return label
  throw new DataError({
    where: `${where}, field "label"`,
    what: 'not a number',
    expected: 'a finite number, for regression',
    found: describeValue(label),
    fix: typeof label !== 'string' ? classesFix : (commaFix(label, 'label') ?? wordFix(label)),
  })
}
