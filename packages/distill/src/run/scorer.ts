// Scores of the rows that have a label.

import { argMax, classificationMetrics, ignoreIndex, type Label } from '@cola/data'
import type { Metrics } from '@cola/train'
import type { ComputeMetrics, DistillExample } from './options.ts'

/** Scores of logits, one row an example; none where no example has a label. */
export type Score = (
  logits: readonly (readonly number[])[],
  examples: readonly DistillExample[],
  onWarning: (message: string) => void,
) => Metrics | Promise<Metrics>

/** Scores of the classes that occur or are predicted, as scikit-learn's are. */
export const ofClasses: ComputeMetrics = (predictions, labels, { classes: _, ...options }) =>
  classificationMetrics(predictions, labels, options)

/** Scores the examples that have a label by their likeliest classes. */
export const scorer =
  (compute: ComputeMetrics, names: readonly Label[]): Score =>
  (logits, examples, onWarning) => {
    const labelled = examples.flatMap(({ label }, i) => (label === ignoreIndex ? [] : [i]))
    if (labelled.length === 0) return {}
    const predictions = labelled.map((i) => argMax(logits[i] as readonly number[]))
    const labels = labelled.map((i) => (examples[i] as DistillExample).label)
    return compute(predictions, labels, { classes: names.length, target_names: names, onWarning })
  }
