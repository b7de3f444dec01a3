// Columns in place of rows, as datasets and pandas hold tables.

import { object } from '@cola/graph/options'

/**
 * The code that makes rows of an object of arrays of one length; undefined for what is none.
 * @param name Of the option that has it.
 */
export function rowsOfColumns(value: unknown, name: string): string | undefined {
  if (!object[1](value)) return undefined
  const columns = Object.entries(value as object)
  const [first] = columns
  if (!first || !columns.every(([, list]) => Array.isArray(list) && list.length === first[1].length)) return undefined
  const fields = columns.map(([column], i) => (i === 0 ? column : `${column}: ${name}.${column}[i]`))
  return `They are columns. Rows of them: ${name}.${first[0]}.map((${first[0]}, i) => ({ ${fields.join(', ')} })).`
}
