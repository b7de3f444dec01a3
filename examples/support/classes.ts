// What a Trainer is told to score rows with one class each.

import { argMaxRows, classificationMetrics, type TokenRow } from '@cola/data'
import type { TrainerOptions } from '@cola/train'

/** Predictions are classes; scores are accuracy, MCC and F1. */
export const classScores: Pick<TrainerOptions<TokenRow, number>, 'predict' | 'compute_metrics'> = {
  predict: ({ logits }, rows) => argMaxRows(logits?.data ?? new Float32Array(), rows.length),
  compute_metrics: ({ predictions, rows, onWarning }) =>
    classificationMetrics(
      predictions,
      rows.map(({ label }) => label),
      { onWarning },
    ),
}
