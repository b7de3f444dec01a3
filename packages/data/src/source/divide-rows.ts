// Training and validation rows: as they are given, or divided here.

import { requireRows } from './row-checks.ts'
import { splitRows } from './split.ts'

/**
 * Training and validation rows.
 * @param train Objects; where each has a `label` that is a class, `validation` gets the same share of each class.
 * @param validation A share of `train`, above 0 and below 1; or rows; or nothing.
 * @param seed Decides which rows a share takes.
 * @throws {DataError} for something that is no array of objects, or is empty.
 */
export function divideRows<Row extends object>(
  train: readonly Row[],
  validation: number | readonly Row[] | undefined,
  seed: number,
): { train: readonly Row[]; validation: readonly Row[] } {
  requireRows('train', train)
  if (validation === undefined) return { train, validation: [] }
  if (typeof validation === 'number') return splitRows(train, validation, { seed, group: labelOf })
  requireRows('validation', validation)
  return { train, validation }
}

/** A label that is a class; undefined for numbers of a regression as for rows without one. */
function labelOf(row: object): unknown {
  const { label } = row as { label?: unknown }
  return typeof label === 'number' && !Number.isInteger(label)
    ? undefined
    : typeof label === 'object'
      ? undefined
      : label
}
