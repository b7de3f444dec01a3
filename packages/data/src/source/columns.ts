// Checks of a table's columns.

import { DataError } from '../errors.ts'
import { delimiterFix, describeValue, similarName } from './row-checks.ts'

/** @throws {DataError} for a header with another delimiter alone. */
export function requireDelimiter(content: string, delimiter: string, where: string): void {
  const [header] = content.trimStart().split(/[\r\n]/, 1) as [string]
  const fix = delimiterFix([header])
  if (fix && !header.includes(delimiter))
    throw new DataError({ where: `${where}, header`, what: 'a single column', found: describeValue(header), fix })
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

export function refuseColumn(where: string, name: string, found: readonly string[]): never {
  throw new DataError({
    where,
    what: `no column "${name}"`,
    expected: `a column "${name}"`,
    found: found.map((column) => JSON.stringify(column)).join(', ') || 'no columns',
    fix: delimiterFix(found) ?? similarName(name, found) ?? 'Take names of the first line.',
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
