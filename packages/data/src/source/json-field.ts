// Rows in a field of the object that a JSON file is. Loaded for the option `field`.

import { ConfigError, DataError } from '../errors.ts'
import { type JsonRecord, parseJsonArray, recordsOf } from './json.ts'
import { describeValue } from './row-checks.ts'

/** @throws {DataError} for a file without this field, or whose field has no rows. */
export function rowsIn(field: string, content: string, where: string): JsonRecord[] {
  const [whole] = content.trimStart().startsWith('[') ? [] : parseJsonArray(content, where)
  const rows = whole?.values[field]
  if (!Array.isArray(rows))
    throw new DataError({
      where,
      what: `no rows in the field ${JSON.stringify(field)}`,
      expected: `{ ${JSON.stringify(field)}: [{ ... }, ...] }`,
      found: whole ? describeValue(whole.values) : 'an array',
      ...(whole ? {} : { fix: 'Leave out the option field.' }),
    })
  const inField = `field ${JSON.stringify(field)}`
  return recordsOf(rows, `${where}, ${inField}`).map(({ place, values }) => ({ place: `${inField}, ${place}`, values }))
}

/** The error of the option for another format. */
export const otherFormat = (format: string, where: string): ConfigError =>
  new ConfigError({
    where: `${where}, option field`,
    what: 'a file in this format has no field of rows',
    expected: 'json',
    found: format,
    fix: 'Leave it out.',
  })
