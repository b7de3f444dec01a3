// Parses JSON Lines and JSON arrays of objects into records with their lines or rows.

import { DataError } from '../errors.ts'

export interface JsonRecord {
  /** `line 3` or `row 3`. */
  place: string
  values: Readonly<Record<string, unknown>>
}

/**
 * Objects, one per line; blank lines are skipped. Only a newline ends a line (U+2028 is text).
 * @throws {DataError} naming file and line of a line that is not JSON or not an object.
 */
export function parseJsonLines(content: string, where: string): JsonRecord[] {
  if (isArray(content)) refuseArray(content, where)
  return content
    .split('\n')
    .map((line, i) => ({ line, place: `line ${i + 1}` }))
    .filter(({ line }) => line.trim() !== '')
    .map(({ line, place }) => ({
      place,
      values: objectOf(parseJson(line, `${where}, ${place}`), `${where}, ${place}`),
    }))
}

/**
 * An array of objects, or objects one per line, which files named .json often hold.
 * @throws {DataError} naming file and row of a value that is not JSON or not an object.
 */
export function parseJsonArray(content: string, where: string): JsonRecord[] {
  if (!isArray(content)) {
    const whole = wholeValue(content)
    return whole === undefined
      ? parseJsonLines(content, where)
      : [{ place: 'line 1', values: objectOf(whole, `${where}, line 1`) }]
  }
  return recordsOf(parseJson(content, where) as unknown[], where)
}

/** Objects with their rows. @throws {DataError} naming file and row of a value that is no object. */
export const recordsOf = (rows: readonly unknown[], where: string): JsonRecord[] =>
  rows.map((row, i) => ({ place: `row ${i + 1}`, values: objectOf(row, `${where}, row ${i + 1}`) }))

/** One value, which may take several lines; undefined for lines of objects. */
function wholeValue(content: string): unknown {
  try {
    return JSON.parse(content)
  } catch {
    return undefined
  }
}

const isArray = (content: string): boolean => content.trimStart().startsWith('[')

function refuseArray(content: string, where: string): never {
  const before = content.slice(0, content.indexOf('['))
  throw new DataError({
    where: `${where}, line ${before.split('\n').length}`,
    what: 'a JSON array',
    expected: 'one object a line',
    fix: "Read the file as format 'json', or write each object on a line of its own.",
  })
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new DataError(
      { where, what: 'not JSON', expected: 'one whole value', found: (cause as Error).message },
      { cause },
    )
  }
}

function objectOf(value: unknown, where: string): JsonRecord['values'] {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonRecord['values']
  throw new DataError({
    where,
    what: 'no object',
    expected: 'an object with a field for each column',
    found: JSON.stringify(value).slice(0, 60),
  })
}
