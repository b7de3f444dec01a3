// The error of columns in place of rows. Loaded for rows that are an object.

import { rowsOfColumns } from '@cola/data'
import { ConfigError } from '../errors.ts'

/** @throws {ConfigError} for an object of arrays; what else it is is left to the check of the option. */
export function refuseColumns(name: 'train' | 'validation', value: unknown): void {
  const fix = rowsOfColumns(value, name)
  if (fix)
    throw new ConfigError({
      where: `fineTune, option ${name}`,
      what: 'columns in place of rows',
      expected: 'an array of rows',
      found: Object.keys(value as object).join(', '),
      fix,
    })
}
