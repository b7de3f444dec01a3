// Checks of the user's rows.

import { requireKind } from '@cola/graph/door'
import { closestName, isBlank, isPromise, object, show } from '@cola/graph/options'
import { DataError } from '../errors.ts'
import { filePlace } from './row-places.ts'

/**
 * `train, row 3`: rows count from 1.
 * @param row The row: where it was read is named too, `train, row 3 (a.csv, line 4)`. @default not named
 */
export function rowPlace(where: string, index: number, row?: unknown): string {
  const place = object[1](row) ? filePlace(row as object) : undefined
  return `${where}, row ${index + 1}${place ? ` (${place})` : ''}`
}

/** What to do about a table that was read as one column, because it has another delimiter. */
export function delimiterFix(columns: readonly string[]): string | undefined {
  const other = columns.length === 1 ? /[;\t|,]/.exec(columns[0] as string)?.[0] : undefined
  return other && `Is the delimiter ${JSON.stringify(other)}? Set it as delimiter.`
}

/** What to do about a name that is none of those known, where one is similar. */
export function similarName(name: string, known: readonly string[]): string | undefined {
  const meant = closestName(name, known)
  return meant && `Did you mean ${meant}?`
}

/** What to do about a column that is missing, where one that is not asked for has a name like it. */
export function renameFix(wanted: readonly string[], found: readonly string[]): string | undefined {
  requireKind('renameFix, wanted', wanted, 'list')
  const others = found.filter((name) => !wanted.includes(name))
  for (const name of wanted) {
    const meant = !found.includes(name) && closestName(name, others)
    if (meant) return `Rename ${meant} to ${name}.`
  }
  return undefined
}

/** Checks that a row is an object. @throws {DataError} naming the row. */
export function requireRow(row: unknown, where: string): void {
  if (object[1](row)) return
  throw new DataError({ where, what: 'not a row', expected: 'an object', found: describeValue(row) })
}

/**
 * Checks that a row has a field.
 * @param other A row of the same table: a field that it has is missing in some rows alone. @default not known
 * @throws {DataError} naming the row, the field and the fields that the row has.
 */
export function requireField(row: object, field: string, where: string, other: object = {}): void {
  requireRow(row, where)
  if ((row as Readonly<Record<string, unknown>>)[field] !== undefined) return
  const fields = Object.entries(row).flatMap(([name, value]) => (value === undefined ? [] : [name]))
  const found = fields.length > 0 ? `only ${fields.join(', ')}` : 'no fields'
  const inOthers = (other as Readonly<Record<string, unknown>> | null)?.[field] !== undefined
  const missingFix = inOthers ? `Other rows have it: fill ${orLeaveOut(`row.${field} !== undefined`)}` : undefined
  if (field in row)
    throw new DataError({
      where: `${where}, field "${field}"`,
      what: 'the field is undefined',
      found,
      fix: missingFix ?? 'Is the name of a column misspelt? Object.keys(record) lists the names.',
    })
  throw new DataError({
    where: `${where}, field "${field}"`,
    what: 'the row has no such field',
    expected: `a field "${field}"`,
    found,
    fix:
      missingFix ??
      delimiterFix(fields) ??
      renameFix([field], fields) ??
      `Rename the column that holds it to ${field}.`,
  })
}

/**
 * A field of a row that must be a text, which may be empty.
 * @param other A row of the same table. @default not known
 * @throws {DataError} naming the row and the field.
 */
export function requireString(row: unknown, field: string, where: string, other?: object): string {
  if (typeof row === 'object' && row !== null) requireField(row, field, where, other)
  const value = typeof row === 'object' && row ? (row as Readonly<Record<string, unknown>>)[field] : row
  if (typeof value === 'string') return value
  throw new DataError({
    where: `${where}, field "${field}"`,
    what: 'not a text',
    expected: 'a string',
    found: describeValue(value),
    ...(typeof value === 'number' ? { fix: `A number is no text: String(${value}) makes one.` } : {}),
    ...(value === null ? { fix: emptyFix(`row.${field}`) } : {}),
  })
}

/** What to do about a cell without a value, which a condition leaves out. */
export const emptyFix = (condition: string): string => `Fill ${orLeaveOut(condition)}`

const orLeaveOut = (condition: string): string => `it, or leave such rows out: rows.filter((row) => ${condition}).`

/** The condition that leaves out a blank text: `trim` keeps what has no width. */
export const shows = (cell: string, blank: string): string =>
  blank.trim() ? `/[^\\p{White_Space}\\p{DI}]/u.test(${cell})` : `${cell}.trim()`

/**
 * A field of a row that must be a text and not blank.
 * @param other A row of the same table. @default not known
 * @throws {DataError} naming the row and the field.
 */
export function requireText(row: unknown, field: string, where: string, other?: object): string {
  const value = requireString(row, field, where, other)
  if (!isBlank(value)) return value
  throw new DataError({
    where: `${where}, field "${field}"`,
    what: 'an empty text',
    expected: 'a string that is not blank',
    found: describeValue(value),
    fix: emptyFix(shows(`row.${field}`, value)),
  })
}

/**
 * Checks that rows are an array of at least one object.
 * @param where Name of the option.
 * @throws {DataError} naming the option and the row, if they are not.
 */
export function requireRows(where: string, rows: unknown): void {
  const kind = typeof rows === 'object' ? describeValue(rows) : typeof rows
  const found = !Array.isArray(rows) ? kind : rows.length === 0 ? 'no rows' : undefined
  const invalid = Array.isArray(rows) ? rows.findIndex((row) => typeof row !== 'object' || row === null) : -1
  if (found === undefined && invalid < 0) return
  throw new DataError({
    where: invalid < 0 ? `option ${where}` : `option ${where}, row ${invalid + 1}`,
    what: invalid < 0 ? 'no rows' : 'not a row',
    expected: invalid < 0 ? 'an array of at least one row' : 'an object, such as { text, label }',
    found: found ?? describeValue((rows as unknown[])[invalid]),
  })
}

/**
 * Checks that a value is an array without holes.
 * @throws {DataError} for another value, such as one text instead of several.
 */
export function requireList(value: unknown, where: string): void {
  if (Array.isArray(value)) {
    requireNoHole(value, where)
    return
  }
  throw new DataError({
    where,
    what: 'not an array',
    expected: 'an array',
    found: describeValue(value),
    ...(typeof value === 'string' ? { fix: 'One text is an array of one: [text].' } : {}),
  })
}

/** What maps over an array leaves out its empty places. */
function requireNoHole(values: readonly unknown[], where: string): void {
  for (let i = 0; i < values.length; i++)
    if (!(i in values))
      throw new DataError({ where: rowPlace(where, i), what: 'an empty place of the array', found: 'nothing' })
}

/** A value as JSON in at most 63 characters, for errors; what JSON has not, such as NaN or 1n, as text. */
export function describeValue(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (isPromise(value)) return show(value)
  const text = notJson(value) ?? json(value) ?? typeof value
  return text.length > 60 ? `${text.slice(0, 60)}...` : text
}

const notJson = (value: unknown): string | undefined => {
  if (typeof value === 'bigint') return `${value}n`
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : undefined
}

/** Undefined for functions and symbols. */
function json(value: unknown): string | undefined {
  try {
    return JSON.stringify(value, (_, inner: unknown) => notJson(inner) ?? inner)
  } catch {
    // An object that holds itself.
    return show(value)
  }
}
