// Argmax of logits.

import { requireKind } from '@cola/graph/door'

/** Index of the greatest value; of the first NaN if there is one, like torch.argmax. */
export function argMax(values: ArrayLike<number>): number {
  requireKind('argMax, values', values, 'list')
  let best = 0
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i])) return i
    if ((values[i] as number) > (values[best] as number)) best = i
  }
  return best
}

/** The class of each row of logits [rows, classes]. */
export function argMaxRows(logits: Float32Array, rows: number): number[] {
  requireKind('argMaxRows, logits', logits, 'list')
  const classes = logits.length / rows
  return Array.from({ length: rows }, (_, row) => argMax(logits.subarray(row * classes, (row + 1) * classes)))
}
