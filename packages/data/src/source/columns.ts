// Checks of a table's columns.

import { DataError } from '../errors.ts'
import type { Quoting } from './dsv.ts'
import { delimiterFix, describeValue, similarName } from './row-checks.ts'

/** @throws {DataError} for a header with another delimiter alone. */
export function requireDelimiter(content: string, delimiter: string, where: string): void {
  const [header] = content.trimStart().split(/[\r\n]/, 1) as [string]
  const fix = delimiterFix([header])
  if (fix && !header.includes(delimiter))
    throw new DataError({ where: `${where}, header`, what: 'a single column', found: describeValue(header), fix })
}

/** A column, or field, that is asked for, and the option that names it. */
export interface AskedColumn {
  readonly name: string
  readonly option: 'text' | 'label' | 'columns'
}

/** The columns that hold texts and labels. */
export const labelledColumns = (text: string, label: string): readonly AskedColumn[] => [
  { name: text, option: 'text' },
  { name: label, option: 'label' },
]

/** @throws {DataError} for a column of the header that is missing, or there twice. */
export function requireColumn(names: readonly string[], asked: AskedColumn, where: string): void {
  const name = asked.name.trim()
  const at = names.indexOf(name)
  if (at < 0) refuseName('column', { ...asked, name }, names, where)
  if (names.indexOf(name, at + 1) >= 0)
    throw new DataError({
      where,
      what: `two columns named "${name}"`,
      expected: 'one',
      found: names.join(', '),
      fix: 'Rename one of them.',
    })
}

type Values = Readonly<Record<string, unknown>>

/**
 * @param where The place of the object.
 * @param first Another object: a field that it has is missing in this one alone.
 * @throws {DataError} for a field that an object lacks.
 */
export function requireAsked(values: Values, asked: AskedColumn, where: string, first: Values): void {
  const { name } = asked
  const has = (one: Values) => Object.hasOwn(one, name) || (!(name in Object.prototype) && one[name] !== undefined)
  if (has(values)) return
  refuseName('field', asked, Object.keys(values), where, has(first) ? missingFix : undefined)
}

const missingFix =
  'Other rows have it: fill it in, or leave the row out; readRecords without the option columns reads such rows, and ' +
  'filter drops them.'

function refuseName(
  kind: 'column' | 'field',
  { name, option }: AskedColumn,
  found: readonly string[],
  where: string,
  fix?: string,
): never {
  const meant = similarName(name, found)
  const naming =
    option === 'columns'
      ? `The option columns names each ${kind} that is read.`
      : `The options text and label name the ${kind}s.`
  throw new DataError({
    where,
    what: `no ${kind} "${name}"`,
    expected: `a ${kind} "${name}"`,
    found: found.map((column) => JSON.stringify(column)).join(', ') || `no ${kind}s`,
    fix: fix ?? delimiterFix(found) ?? (meant ? `${meant} ${naming}` : naming),
  })
}

/** How a file separates its cells. */
interface Form {
  delimiter: string
  quoting: Quoting
}

/** @throws {DataError} for a row with another number of cells than the header, with what helps in such a file. */
export function refuseRagged(where: string, names: readonly string[], cells: readonly string[], form: Form): never {
  throw new DataError({
    where,
    what: `a row with ${cells.length > names.length ? 'too many' : 'too few'} cells`,
    expected: `${names.length} (${names.join(', ')})`,
    found: `${cells.length} (${cells.map((cell) => JSON.stringify(cell.slice(0, 30))).join(', ')})`,
    fix: delimiterFix(names) ?? raggedFix(cells, form),
  })
}

function raggedFix(cells: readonly string[], { delimiter, quoting }: Form): string {
  const breaks = `${JSON.stringify(delimiter)} or a newline`
  if (quoting !== 'minimal') return `A cell that holds ${breaks} needs quotes around it, and quoting: 'minimal'.`
  return cells.some((cell) => cell.includes(delimiter) || /[\r\n]/.test(cell))
    ? "Quotes enclose a cell across delimiters or lines here; if quotes are text in this file, set quoting: 'none'."
    : `Write quotes around a cell that holds ${breaks}: "a${delimiter} b"; or set the file's own delimiter.`
}
