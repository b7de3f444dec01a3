// A warning of rows of validation that are in train too. Loaded for it.

import { rowPlace } from '@cola/data'

type Rows = readonly object[]

/**
 * @param places Of the validation rows that the model reads as one of train, from 0.
 * @param given The training rows as they were given, of which those of validation may be a share.
 */
export function sharedRows(places: readonly number[], { validation }: { validation: Rows }, given: Rows): string[] {
  const first = places[0] as number
  const row = validation[first] as object
  const at = given.indexOf(row)
  const place = at < 0 ? rowPlace('validation', first, row) : rowPlace('train', at, row)
  const count = `${places.length} of ${validation.length} validation rows`
  return [`${count} are train rows too, ${place} for one: scores are better than on new rows; leave out one of each`]
}
