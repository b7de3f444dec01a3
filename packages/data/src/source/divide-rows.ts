// Training and validation rows: as they are given, or divided here.

import { DataError } from '../errors.ts'
import { describeValue } from './row-checks.ts'
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

/** @throws {DataError} for something that is no array of objects, or is empty. */
function requireRows(where: string, rows: unknown): void {
  const found = !Array.isArray(rows) ? typeof rows : rows.length === 0 ? 'no rows' : undefined
  const odd = Array.isArray(rows) ? rows.findIndex((row) => typeof row !== 'object' || row === null) : -1
  if (found === undefined && odd < 0) return
  throw new DataError({
    where: odd < 0 ? `option ${where}` : `option ${where}, row ${odd + 1}`,
    what: odd < 0 ? 'no rows' : 'not a row',
    expected: odd < 0 ? 'an array of at least one row' : 'an object',
    found: found ?? describeValue((rows as unknown[])[odd]),
  })
}
