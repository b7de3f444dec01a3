// A row of another form than those that a model is trained on.

import { DataError, renameFix } from '@cola/data'

/** Names of the columns that a row has. */
export const presentIn = (row: object): string[] =>
  Object.keys(row).filter((name) => row[name as keyof object] !== undefined)

/**
 * @param columns Those of the first training row.
 * @param fix What to do where no column has a name like one that is missing.
 */
export const otherForm = (row: object, columns: readonly string[], where: string, fix?: string): DataError =>
  new DataError({
    where,
    what: 'a row of another form than the first training row',
    expected: columns.join(', '),
    found: presentIn(row).join(', '),
    fix: renameFix(columns, presentIn(row)) ?? fix,
  })
