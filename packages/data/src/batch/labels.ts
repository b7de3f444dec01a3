// Classes of rows as a batch has them.

import { DataError } from '../errors.ts'

/** PyTorch's ignore_index: a row without a class. */
const ignored = -100

/**
 * Labels of a batch, int32 [rows].
 * @throws {DataError} naming the row, for a label that is no whole number of at least 0, and not -100 for none.
 */
export function classLabels(labels: readonly number[]): { data: Int32Array; dims: readonly number[] } {
  const at = labels.findIndex((label) => label !== ignored && !(Number.isInteger(label) && label >= 0))
  if (at >= 0)
    throw new DataError({
      where: `row ${at + 1} of the batch, field "label"`,
      what: 'not a class',
      expected: `a whole number from 0, or ${ignored} for none`,
      found: String(labels[at]),
    })
  return { data: Int32Array.from(labels), dims: [labels.length] }
}
