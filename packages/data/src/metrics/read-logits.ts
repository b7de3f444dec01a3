// What the logits of a text say of its classes, as transformers' text-classification pipeline reads them.

import { requireKind } from '@cola/graph/door'
import { argMax } from './arg-max.ts'
import { sigmoid, softmax } from './softmax.ts'

/** The classes of a text. */
export interface LabelsOfText<Label> {
  /** That of the greatest logit: the most probable one. */
  label: Label
  /** Its index. */
  index: number
  /** Its probability, as in transformers' pipelines. */
  score: number
  labels: readonly Label[]
  /** Of each class, in order. */
  probabilities: number[]
}

/**
 * The class of a text, where classes exclude each other: the softmax of its logits.
 * @param logits [classes]
 * @param classes Their names, in order.
 * @returns `labels` has the class alone; the probabilities sum to 1.
 * @throws {ConfigError} for what is no list.
 */
export function oneLabel<Label>(logits: readonly number[], classes: readonly Label[]): LabelsOfText<Label> {
  requireKind('oneLabel, logits', logits, 'list')
  const index = argMax(logits)
  const label = classes[index] as Label
  const probabilities = softmax(logits)
  return { label, index, score: probabilities[index] as number, labels: [label], probabilities }
}

/**
 * The classes of a text that may have several: the sigmoid of each logit.
 * @param logits [classes]
 * @param classes Their names, in order.
 * @returns `labels` has all whose probability is at least one half.
 * @throws {ConfigError} for what is no list.
 */
export function severalLabels<Label>(logits: readonly number[], classes: readonly Label[]): LabelsOfText<Label> {
  requireKind('severalLabels, logits', logits, 'list')
  const index = argMax(logits)
  const probabilities = sigmoid(logits)
  const labels = classes.filter((_, i) => (probabilities[i] as number) >= 0.5)
  return { label: classes[index] as Label, index, score: probabilities[index] as number, labels, probabilities }
}
