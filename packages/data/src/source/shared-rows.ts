// A warning of rows that are judged by and trained on.

import { requireKind } from '@cola/graph/door'
import { rowPlace } from './row-checks.ts'

/** Rows that a model is judged by, and those that it learns from. */
export interface JudgedRows {
  /** What they are called: `validation`. */
  readonly name: string
  readonly rows: readonly object[]
  /** The training rows as they were given, of which those above may be a share. */
  readonly given: readonly object[]
  /** What they are too: `train rows`. */
  readonly among: string
}

/**
 * The warning.
 * @param places Of the rows that the model reads as one of train, from 0; one or more.
 * @throws {ConfigError} for places that are no array.
 */
export function sharedRows(places: readonly number[], judged: JudgedRows): string {
  requireKind('sharedRows, places', places, 'list')
  const { name, rows, given, among } = judged
  const first = places[0] as number
  const row = rows[first] as object
  const at = given.indexOf(row)
  const place = at < 0 ? rowPlace(name, first, row) : rowPlace('train', at, row)
  const count = `${places.length} of ${rows.length} ${name} rows`
  return `${count} are ${among} too, ${place} for one: scores are better than on new rows; leave out one of each`
}
