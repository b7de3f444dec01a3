// The training and validation rows of a run: those of the user, or a division of the training rows.

import { requireRows } from './row-checks.ts'
import { divided } from './split-rows.ts'

/**
 * Training and validation rows.
 * @param train Objects; if they have a `label` that is a class, the share is the same for each class.
 * @param validation A share of `train`, above 0 and below 1; or rows; or undefined for none.
 * @param seed Seed of the division by a share.
 * @param stratify Whether each class gives its share: not where labels are amounts, few of which are equal.
 * @throws {DataError} for a value that is not an array of objects, or is empty.
 */
export function divideRows<Row extends object>(
  train: readonly Row[],
  validation: number | readonly Row[] | undefined,
  seed: number,
  stratify = true,
): { train: readonly Row[]; validation: readonly Row[] } {
  requireRows('train', train)
  if (validation === undefined) return { train, validation: [] }
  if (typeof validation === 'number')
    return divided(train, validation, stratify ? { seed, stratify: labelOf } : { seed }, 'option validation')
  requireRows('validation', validation)
  return { train, validation }
}

/** A label that is a class; undefined for numbers that are none, and for rows without a label. */
function labelOf(row: object): unknown {
  const { label } = row as { label?: unknown }
  return typeof label === 'number' && !Number.isInteger(label)
    ? undefined
    : typeof label === 'object'
      ? undefined
      : label
}
