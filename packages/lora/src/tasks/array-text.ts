// An array in place of a text. Loaded for the error.

import { DataError, describeValue, rowPlace } from '@cola/data'

/** @param form What is given in place of the array. */
export function arrayText(texts: readonly unknown[], form: string): DataError {
  const at = texts.findIndex(Array.isArray)
  return new DataError({
    where: rowPlace('texts', at),
    what: 'an array in place of a text',
    found: describeValue(texts[at]),
    fix: `Write ${form}.`,
  })
}
