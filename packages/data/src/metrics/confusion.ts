// Confusion matrix, and counts of pairs of true and predicted class.

import { DataError } from '../errors.ts'
import { checkIds, type ClassIds } from './counts.ts'

/** Counts of predictions by true and predicted class. */
export interface Confusion {
  /** The true class. */
  label: number
  /** The predicted class. */
  predicted: number
  /** Number of rows. */
  count: number
}

/** A matrix of more classes would take gigabytes. */
const maxClasses = 4096

/**
 * Counts as a matrix: row = true class, column = predicted class; scikit-learn's `confusion_matrix` with
 * `labels=range(classes)`.
 * @param classes Number of rows and columns. @default one more than the greatest id
 * @throws {DataError} naming the row: lists of different length, ids that are not classes; more than 4096 classes.
 */
export function confusionMatrix(predictions: ClassIds, labels: ClassIds, classes?: number): number[][] {
  const size = checkIds(predictions, labels, classes)
  if (size > maxClasses)
    throw new DataError({
      where: 'option classes',
      what: 'too many for a matrix',
      expected: `at most ${maxClasses}`,
      found: String(size),
      fix: 'Take confusionCounts, which lists the pairs that occur.',
    })
  const matrix = Array.from({ length: size }, () => new Array<number>(size).fill(0))
  for (const { label, predicted, count } of confusionCounts(predictions, labels, classes))
    (matrix[label] as number[])[predicted] = count
  return matrix
}

/**
 * The pairs of true and predicted class that occur, the most frequent first, including correct predictions. Time and
 * memory are linear in the rows and do not depend on the number of classes.
 * @throws {DataError} naming the row: lists of different length, ids that are not classes.
 */
export function confusionCounts(predictions: ClassIds, labels: ClassIds, classes?: number): Confusion[] {
  const size = checkIds(predictions, labels, classes)
  const counts = new Map<number, number>()
  for (let i = 0; i < labels.length; i++) {
    const pair = (labels[i] as number) * size + (predictions[i] as number)
    counts.set(pair, (counts.get(pair) ?? 0) + 1)
  }
  return [...counts]
    .map(([pair, count]) => ({ label: Math.floor(pair / size), predicted: pair % size, count }))
    .sort((a, b) => b.count - a.count || a.label - b.label || a.predicted - b.predicted)
}
