// Checks of a table's columns.

import { closestName } from '@cola/graph/options'
import { DataError } from '../errors.ts'
import { delimiterFix } from './row-checks.ts'

/** @throws {DataError} for one column whose name has the delimiter of another kind of table. */
export function requireDelimiter(names: readonly string[], delimiter: string, where: string): void {
  const fix = delimiterFix(names)
  if (fix === undefined) return
  throw new DataError({
    where,
    what: `one column named ${JSON.stringify(names[0])}`,
    expected: 'columns between delimiters',
    fix: `${fix} If this is one column, set delimiter: ${JSON.stringify(delimiter)}.`,
  })
}

/** @throws {DataError} for a column that is missing, or there twice. */
export function requireColumn(names: readonly string[], name: string, where: string): void {
  const at = names.indexOf(name)
  if (at < 0) refuseColumn(where, name, names)
  if (names.indexOf(name, at + 1) >= 0)
    throw new DataError({
      where,
      what: `two columns named "${name}"`,
      expected: 'one',
      found: names.join(', '),
      fix: 'Rename one of them.',
    })
}

const nameThem = 'Name columns of the first line, which is the header: their names are options of what reads the table.'

function similarColumn(name: string, found: readonly string[]): string | undefined {
  const meant = closestName(name, found)
  return meant && `Is ${JSON.stringify(meant)} meant?`
}

export function refuseColumn(where: string, name: string, found: readonly string[]): never {
  throw new DataError({
    where,
    what: `no column "${name}"`,
    expected: `a column "${name}"`,
    found: found.map((column) => JSON.stringify(column)).join(', ') || 'no columns',
    fix: delimiterFix(found) ?? similarColumn(name, found) ?? nameThem,
  })
}

export function refuseRagged(where: string, names: readonly string[], cells: readonly string[]): never {
  throw new DataError({
    where,
    what: `a row with ${cells.length > names.length ? 'too many' : 'too few'} cells`,
    expected: `${names.length} (${names.join(', ')})`,
    found: `${cells.length} (${cells.map((cell) => JSON.stringify(cell.slice(0, 30))).join(', ')})`,
    fix:
      delimiterFix(names) ??
      "A cell that holds the delimiter or a newline needs quotes around it, and quoting: 'minimal'.",
  })
}
