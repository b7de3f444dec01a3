// What to do about a format of tables that is none. Loaded for the error.

import { checkValue, closestValue, string } from '@cola/graph/options'
import { DataError } from '../errors.ts'

const unpack = 'Unpack it, and read the file that is in it.'
const asParquet = 'Write it as Parquet: dataset.to_parquet(path) of datasets, df.to_parquet(path) of pandas.'
const asCsv = 'Save the spreadsheet as CSV.'

/** What to do about files of other kinds, by their extensions. */
const ofKinds: Readonly<Record<string, string>> = {
  ...Object.fromEntries(['xlsx', 'xls', 'xlsm', 'ods', 'numbers'].map((name) => [name, asCsv])),
  ...Object.fromEntries(['zip', 'gz', 'tgz', 'tar', 'bz2', 'xz', 'zst', '7z'].map((name) => [name, unpack])),
  ...Object.fromEntries(['arrow', 'feather', 'pkl', 'pickle', 'h5', 'orc'].map((name) => [name, asParquet])),
}

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
      (Object.hasOwn(ofKinds, format) ? ofKinds[format] : closestValue(format, known)) ??
      'Give the format, such as csv, or conll for words with tags.',
  })
}
