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

/** What an object that is no row calls its rows, beside others about them. */
const fieldsOfRows = ['data', 'rows', 'records', 'examples', 'instances', 'items', 'train']
/** What a row may have alone: the messages of a conversation. */
const fieldsOfMessages = ['messages', 'conversations', 'conversation', 'prompt', 'completion']

/** The field that alone is an array of objects, in an object that has nothing else of a row. */
function wrapped(values: Values): string | undefined {
  const names = Object.keys(values)
  const lists = names.filter((name) => isListOfObjects(values[name]))
  const [name] = lists
  if (name === undefined || lists.length > 1 || fieldsOfMessages.includes(name)) return undefined
  return names.length === 1 || fieldsOfRows.includes(name) ? name : undefined
}

const isListOfObjects = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.every((one) => typeof one === 'object' && one !== null && !Array.isArray(one))

/**
 * @param isLines Whether it is a line of JSON Lines, each of which is a row.
 * @throws {DataError} for an object that is no row.
 */
export function refuseWholeTable(values: Values, asked: readonly AskedColumn[], where: string, isLines: boolean): void {
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
  const field =
    Object.keys(values).find((name) => hasRows(values[name], asked)) ??
    (asked.length === 0 && !isLines ? wrapped(values) : undefined)
  if (field === undefined || (asked.length > 0 && asked.every(({ name }) => Object.hasOwn(values, name)))) return
  throw new DataError({
    where,
    what: `the rows are in the field ${JSON.stringify(field)}`,
    expected: 'an array of objects, or one object a line',
    fix: `Of a JSON file, { field: ${JSON.stringify(field)} } reads them. A single row is an array of one.`,
  })
}

const hasRows = (value: unknown, asked: readonly AskedColumn[]): boolean =>
  Array.isArray(value) && asked.some(({ name }) => Object.hasOwn(Object(value[0]), name))
