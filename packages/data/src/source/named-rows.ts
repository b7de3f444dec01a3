// Rows with the names of their classes in place of their indices.

import { requireKind } from '@cola/graph/door'
import { DataError } from '../errors.ts'
import type { Label } from './class-labels.ts'
import { describeValue, requireList, rowPlace } from './row-checks.ts'
import { copyPlace } from './row-places.ts'

/**
 * The rows of a table, such as `readTable` gives, whose labels are the names of their classes in place of their indices.
 * @param where Name of the table, for errors.
 * @throws {DataError} for what is no table, and naming the row of a label that is no index of a class.
 */
export function namedRows<Row extends { label: number }>(
  table: { readonly rows: readonly Row[]; readonly classes: readonly Label[] },
  where = 'table',
): (Omit<Row, 'label'> & { label: Label })[] {
  requireKind('namedRows, table', table, 'object')
  const { rows, classes } = table
  requireList(rows, `${where}, field "rows"`)
  requireList(classes, `${where}, field "classes"`)
  return rows.map((row, i) => {
    const label = Number.isInteger(row?.label) ? classes[row.label] : undefined
    if (label === undefined) refuseLabel(row, rowPlace(where, i, row), classes)
    return copyPlace(row, { ...row, label })
  })
}

function refuseLabel(row: unknown, where: string, classes: readonly Label[]): never {
  throw new DataError({
    where: `${where}, field "label"`,
    what: 'not the index of a class',
    expected: `a whole number from 0 to ${classes.length - 1}: ${classes.slice(0, 6).map(describeValue).join(', ')}`,
    found: describeValue((row as { label?: unknown } | null)?.label),
    fix: 'Leave out rows without a class. Rows with names of classes need no table: give the rows alone.',
  })
}

/**
 * Rows whose labels are names: a whole number is the index of one, as in the rows of `readTable`. Other labels, and
 * numbers that are no index, are left as they are.
 * @param where Name of the rows, for errors.
 * @throws {DataError} naming the row of a number that is the name of a class, and the index of another one.
 */
export function withClassNames<Row extends { label: Label | readonly Label[] }>(
  rows: readonly Row[],
  names: readonly Label[],
  where = 'rows',
): Row[] {
  requireKind('withClassNames, rows', rows, 'list')
  requireKind('withClassNames, names', names, 'list')
  return rows.map((row, i) => {
    const nameOf = (label: Label): Label => nameAt(label, names, rowPlace(where, i, row))
    const [label, isNumber] = [row?.label, [row?.label].flat().some(Number.isInteger)]
    return isNumber ? copyPlace(row, { ...row, label: isList(label) ? label.map(nameOf) : nameOf(label) }) : row
  })
}

const isList = (label: Label | readonly Label[]): label is readonly Label[] => Array.isArray(label)

function nameAt(label: Label, names: readonly Label[], where: string): Label {
  if (typeof label !== 'number') return label
  const named = names.indexOf(String(label))
  if (named < 0 || named === label) return names[label] ?? label
  throw new DataError({
    where: `${where}, field "label"`,
    what: 'a number that is the name of a class, and the index of another one',
    expected: names.slice(0, 12).map(describeValue).join(', '),
    found: String(label),
    fix: 'Give names, String(row.label); or, where they are indices in a table, the table itself or its namedRows.',
  })
}
