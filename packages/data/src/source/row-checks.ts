// Checks of the rows that users write.

import { DataError } from '../errors.ts'

/** `train, row 3`: rows count from 1. */
export const rowPlace = (where: string, index: number): string => `${where}, row ${index + 1}`

/**
 * A field that must be a text with something in it.
 * @throws {DataError} naming the row and the field.
 */
export function requireText(row: unknown, field: string, where: string): string {
  const value = (row as Readonly<Record<string, unknown>> | null | undefined)?.[field]
  if (typeof value === 'string' && value.trim() !== '') return value
  throw new DataError({
    where: `${where}, field "${field}"`,
    what: value === '' || typeof value === 'string' ? 'an empty text' : 'not a text',
    expected: 'a string',
    found: describeValue(value),
  })
}

/**
 * Rows: an array of objects, at least one.
 * @param where Names the option that has them.
 * @throws {DataError} naming the row, for anything else.
 */
export function requireRows(where: string, rows: unknown): void {
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

/** @throws {DataError} for something that is no array, such as one text in place of several. */
export function requireList(value: unknown, where: string): void {
  if (Array.isArray(value)) return
  throw new DataError({
    where,
    what: 'not an array',
    expected: 'an array',
    found: describeValue(value),
    ...(typeof value === 'string' ? { fix: 'One text is an array of one: [text].' } : {}),
  })
}

/** A value in a few characters, for errors. */
export function describeValue(value: unknown): string {
  if (value === undefined) return 'nothing'
  const text = JSON.stringify(value) ?? typeof value
  return text.length > 60 ? `${text.slice(0, 60)}...` : text
}
