// The losses as plain functions: value and gradient, for an app that trains elsewhere.

import { requireKind } from '@cola/graph/door'
import { ignoreIndex } from '@cola/data'
import { checkLabels } from '@cola/train/check-labels'
import { FeedError } from '@cola/train/errors'
import { badRow } from './bad-row.ts'
import {
  checkLossOptions,
  type DistillationOptions,
  distillationDefaults,
  type LabelOptions,
  type TemperatureOptions,
} from './loss-options.ts'
import { pairFunctions, type PairLossName, requirePair } from './pair-functions.ts'
import { logSoftmax, rowsOf, type ValueAndGradient } from './row-numerics.ts'

/** Logits of student and teacher, and the labels, of a plain loss. */
export interface PairInput {
  /** [rows, width], row by row; -Infinity masks a class. */
  student: ArrayLike<number>
  /** The same of the teacher. */
  teacher: ArrayLike<number>
  /** Classes, or the width of the hidden states. */
  width: number
}

/**
 * A loss between a student's and a teacher's values.
 * Classes that are masked (-Infinity) count as in PyTorch: 0 log 0 = 0, and a class that only one side can give makes a
 * divergence infinite.
 * @throws {FeedError} when the arrays do not fit each other, or a row has NaN, +Infinity, or no class that is not
 * masked.
 * @throws {ConfigError} for a bad option.
 */
export function pairLoss(name: PairLossName, input: PairInput, options: TemperatureOptions = {}): ValueAndGradient {
  requireKind('pairLoss, name', name, 'text')
  checkLossOptions(`pairLoss ${name}`, options)
  requireKind('pairLoss, input', input, 'object')
  return pair(name, input, options)
}

function pair(
  name: PairLossName,
  { student, teacher, width }: PairInput,
  options: TemperatureOptions,
): ValueAndGradient {
  requirePair(name)
  requireKind(`${name}, student`, student, 'list')
  requireKind(`${name}, teacher`, teacher, 'list')
  requireFit('teacher', teacher.length, student.length)
  requireRows('student', student, width)
  requireRows('teacher', teacher, width)
  return pairFunctions[name](student, teacher, width, options)
}

/**
 * Cross-entropy of logits [rows, classes] against labels; torch.nn.CrossEntropyLoss. Rows with a label of -100 are left
 * out.
 * @throws {FeedError} for a label that is no class (naming its row), and logits that are not rows of numbers.
 * @throws {ConfigError} for a bad option.
 */
export function crossEntropyLoss(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  options: LabelOptions = {},
): ValueAndGradient {
  requireKind('crossEntropyLoss, logits', logits, 'list')
  requireKind('crossEntropyLoss, labels', labels, 'list')
  checkLossOptions('crossEntropyLoss', options)
  requireLabels(logits, labels)
  return hardLoss(logits, labels, options)
}

function hardLoss(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  { label_smoothing = 0, weight }: LabelOptions,
): ValueAndGradient {
  const classes = logits.length / labels.length
  requireRows('logits', logits, classes)
  const weights = weight ?? Array.from({ length: classes }, () => 1)
  requireFit('weight', weights.length, classes)
  const target = Array.from(labels)
  checkLabels('labels', target, classes)
  const total = target.reduce((sum, label) => sum + (label === ignoreIndex ? 0 : (weights[label] as number)), 0) || 1
  let loss = 0
  const gradient = new Float32Array(logits.length)
  rowsOf(logits, classes).forEach((row, i) => {
    const label = target[i] as number
    if (label === ignoreIndex) return
    const log = logSoftmax(row)
    // Weight of -log p of each class.
    const share = log.map(
      (_, c) =>
        ((weights[c] as number) * ((c === label ? 1 - label_smoothing : 0) + label_smoothing / classes)) / total,
    )
    const all = share.reduce((a, b) => a + b, 0)
    log.forEach((value, c) => {
      if (share[c] !== 0) loss -= (share[c] as number) * value
      gradient[i * classes + c] = all * Math.exp(value) - (share[c] as number)
    })
  })
  return { loss, gradient }
}

/**
 * The distillation loss: alpha times the soft loss, and 1 - alpha times the cross-entropy against the labels.
 * `loss = alpha c/N sum KL(softmax(teacher / T) || softmax(student / T)) + (1 - alpha) cross_entropy(student, labels)`
 * @param student Logits [rows, classes], row by row in one array.
 * @param teacher The same of the teacher.
 * @param labels Index of the class of each row, -100 for a row without a label, which the teacher alone teaches.
 * @param options `temperature` T (2), `alpha` (0.5), `scale` c (`square`: T^2), and those of the cross-entropy.
 * @returns The loss and its gradient with respect to `student`.
 * @throws {FeedError} when the arrays do not fit each other, or a row has NaN, +Infinity, or no class that is not
 * masked.
 * @throws {ConfigError} for a bad option.
 */
export function kdLoss(
  student: ArrayLike<number>,
  teacher: ArrayLike<number>,
  labels: ArrayLike<number>,
  options: DistillationOptions = {},
): ValueAndGradient {
  requireKind('kdLoss, student', student, 'list')
  requireKind('kdLoss, teacher', teacher, 'list')
  requireKind('kdLoss, labels', labels, 'list')
  checkLossOptions('kdLoss', options)
  requireLabels(student, labels)
  const { alpha = distillationDefaults.alpha } = options
  const soft = pair('soft_targets', { student, teacher, width: student.length / labels.length }, options)
  const hard = hardLoss(student, labels, options)
  return {
    loss: alpha * soft.loss + (1 - alpha) * hard.loss,
    gradient: soft.gradient.map((g, i) => alpha * g + (1 - alpha) * (hard.gradient[i] as number)),
  }
}

/** @throws {FeedError} when there is not one label for each row of logits. */
function requireLabels({ length }: ArrayLike<number>, labels: ArrayLike<number>): void {
  if (labels.length > 0 && length % labels.length === 0) return
  if (labels.length === 0 && length === 0)
    throw new FeedError({ where: 'labels', what: 'there are no rows', expected: 'at least one row', found: '0' })
  throw new FeedError({
    where: 'labels',
    what: 'not one for each row',
    expected: `a label for each row of logits, ${ignoreIndex} for none`,
    found: `${labels.length} labels for ${length} logits`,
  })
}

/** @throws {FeedError} when values are not rows of a width, or a row holds what no loss has a value for. */
function requireRows(name: string, values: ArrayLike<number>, width: number): void {
  const first = (values as ArrayLike<unknown>)[0]
  if (typeof first === 'object' && first !== null)
    throw new FeedError({
      where: name,
      what: 'an array of rows',
      expected: 'the numbers of all rows in one array, row by row',
      found: `rows of ${(first as ArrayLike<number>).length}`,
      fix: `Write ${name}.flat().`,
    })
  if (!Number.isInteger(width) || width < 1)
    throw new FeedError({ where: name, what: 'not rows of a whole number of values', found: `rows of ${width}` })
  requireFit(name, values.length % width, 0)
  const bad = badRow(values, width)
  if (bad) throw new FeedError({ where: `${name}, row ${bad.row + 1}`, ...bad.problem })
}

function requireFit(name: string, found: number, expected: number): void {
  if (found !== expected)
    throw new FeedError({
      where: name,
      what: 'wrong number of elements',
      expected: String(expected),
      found: String(found),
    })
}
