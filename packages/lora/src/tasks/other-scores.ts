// Scores of several labels a row, and of numbers. Loaded for such rows: most classifications have one label.

import { multiLabelMetrics, regressionMetrics } from '@cola/data'
import type { Metrics } from '@cola/train'
import type { ScoredClasses } from './problem-types.ts'

type Values = readonly (readonly number[])[]

/** A class is predicted where its probability is at least one half. */
export function multiLabelScores(logits: Values, targets: Values, options: ScoredClasses): Metrics {
  const predictions = logits.map((row) => row.map((logit) => (logit >= 0 ? 1 : 0)))
  const { labels: target_names, onWarning } = options
  return multiLabelMetrics(predictions, targets, { target_names, onWarning })
}

export const regressionScores = (logits: Values, targets: Values, { onWarning }: ScoredClasses): Metrics =>
  regressionMetrics(logits.map(first), targets.map(first), { onWarning })

const first = ([value]: readonly number[]): number => value as number
