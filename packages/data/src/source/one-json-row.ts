// One JSON object may be a whole table: columns, as pandas' to_json writes them, or a field that has the rows. Loaded
// for a file with one object.

import { DataError } from '../errors.ts'
import type { AskedColumn } from './columns.ts'

type Values = Readonly<Record<string, unknown>>

/** A column of pandas': values by the numbers of their rows. */
const isNumbered = (value: unknown): boolean => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const names = Object.keys(value)
  return names.length > 0 && names.every((name, i) => name === `${i}`)
}

/** @throws {DataError} for an object that is no row. */
export function refuseWholeTable(values: Values, asked: readonly AskedColumn[], where: string): void {
  const columns = Object.values(values)
  // A row of words, messages or several labels has lists too: only a text is none.
  const hasLists = asked.some(({ name, option }) => option === 'text' && Array.isArray(values[name]))
  if (hasLists || (columns.length > 0 && columns.every(isNumbered)))
    throw new DataError({
      where,
      what: 'columns in place of rows',
      expected: 'an array of objects, or one object a line',
      found: `the columns ${Object.keys(values)
        .map((name) => JSON.stringify(name))
        .join(', ')}`,
      fix: "Write rows: df.to_json(path, orient='records') of pandas.",
    })
  const field = Object.keys(values).find((name) => hasRows(values[name], asked))
  if (field === undefined || asked.every(({ name }) => Object.hasOwn(values, name))) return
  throw new DataError({
    where,
    what: `the rows are in the field ${JSON.stringify(field)}`,
    expected: 'an array of objects, or one object a line',
    fix: `Write them alone, or take them from it: JSON.parse(content)[${JSON.stringify(field)}].`,
  })
}

const hasRows = (value: unknown, asked: readonly AskedColumn[]): boolean =>
  Array.isArray(value) && asked.some(({ name }) => Object.hasOwn(Object(value[0]), name))
