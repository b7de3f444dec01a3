// The losses as plain functions: value and gradient, for an app that trains elsewhere.

import { FeedError } from '@cola/train'
import type { DistillationOptions, LabelOptions, TemperatureOptions } from './options.ts'
import { type PairLossName, pairLosses } from './pairs.ts'
import { logSoftmax, rowsOf, type ValueAndGradient } from './plain.ts'

export interface PairInput {
  /** [rows, width], row by row. */
  student: ArrayLike<number>
  /** The same of the teacher. */
  teacher: ArrayLike<number>
  /** Classes, or the width of the hidden states. */
  width: number
}

/**
 * A loss between a student's and a teacher's values.
 * @throws {FeedError} when the arrays do not fit each other.
 */
export function pairLoss(name: PairLossName, { student, teacher, width }: PairInput, options: TemperatureOptions = {}): ValueAndGradient {
  requireFit('teacher', teacher.length, student.length)
  requireFit('student', student.length % width, 0)
  return pairLosses[name].plain(student, teacher, width, options)
}

/**
 * Cross-entropy of logits [rows, classes] against labels; torch.nn.CrossEntropyLoss. Rows with a label below 0 are left out.
 * @throws {FeedError} for a label that is no class.
 */
export function crossEntropyLoss(logits: ArrayLike<number>, labels: ArrayLike<number>, { label_smoothing = 0, weight }: LabelOptions = {}): ValueAndGradient {
  const classes = logits.length / labels.length
  const weights = weight ?? Array.from({ length: classes }, () => 1)
  requireFit('weight', weights.length, classes)
  const target = Array.from(labels)
  const worst = target.find((label) => label >= classes || !Number.isInteger(label))
  if (worst !== undefined) throw new FeedError({ where: 'labels', what: 'not a class', expected: `0 to ${classes - 1}, or below 0`, found: String(worst) })
  const total = target.reduce((sum, label) => sum + (label < 0 ? 0 : (weights[label] as number)), 0) || 1
  let loss = 0
  const gradient = new Float32Array(logits.length)
  rowsOf(logits, classes).forEach((row, i) => {
    const label = target[i] as number
    if (label < 0) return
    const log = logSoftmax(row)
    // Weight of -log p of each class.
    const share = log.map((_, c) => ((weights[c] as number) * ((c === label ? 1 - label_smoothing : 0) + label_smoothing / classes)) / total)
    const all = share.reduce((a, b) => a + b, 0)
    log.forEach((value, c) => {
      loss -= (share[c] as number) * value
      gradient[i * classes + c] = all * Math.exp(value) - (share[c] as number)
    })
  })
  return { loss, gradient }
}

/**
 * The distillation loss: alpha times the soft loss, and 1 - alpha times the cross-entropy against the labels.
 * `loss = alpha c/N sum KL(softmax(teacher / T) || softmax(student / T)) + (1 - alpha) cross_entropy(student, labels)`
 * @param student Logits [rows, classes].
 * @returns The loss and its gradient with respect to `student`.
 * @throws {FeedError} when the arrays do not fit each other.
 */
export function kdLoss(
  student: ArrayLike<number>,
  teacher: ArrayLike<number>,
  labels: ArrayLike<number>,
  { alpha = 0.8, ...options }: DistillationOptions = {},
): ValueAndGradient {
  const soft = pairLoss('soft_targets', { student, teacher, width: student.length / labels.length }, options)
  const hard = crossEntropyLoss(student, labels, options)
  return {
    loss: alpha * soft.loss + (1 - alpha) * hard.loss,
    gradient: soft.gradient.map((g, i) => alpha * g + (1 - alpha) * (hard.gradient[i] as number)),
  }
}

function requireFit(name: string, found: number, expected: number): void {
  if (found !== expected) throw new FeedError({ where: name, what: 'wrong number of elements', expected: String(expected), found: String(found) })
}
