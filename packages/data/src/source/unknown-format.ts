// What to do about a format of tables that is none. Loaded for the error.

import { checkValue, closestValue, string } from '@cola/graph/options'
import { DataError } from '../errors.ts'

/** @throws {ConfigError} for what is no name, such as the options in its place. */
export function unknownFormat(format: string, known: readonly string[], where: string): DataError {
  const [expected, holds] = string
  checkValue('format', format, [expected, holds, () => 'It comes second, such as csv; the options come last.'])
  return new DataError({
    where,
    what: 'unknown format',
    expected: known.join(', '),
    found: format,
    fix:
      closestValue(format, known) ??
      'Give the format, such as csv, or conll for words with tags; a spreadsheet is to be saved as CSV.',
  })
}
