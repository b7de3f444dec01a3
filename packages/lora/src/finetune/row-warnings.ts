// What is told of rows before a training: texts that are cut, rows that teach nothing, and rows of validation that are
// trained on too.

import { cutTexts } from '@cola/data'
import type { Encoded } from '../tasks/task.ts'
import { unlearnedRows } from './unlearned-rows.ts'

type Rows = readonly object[]

interface Told {
  /** The rows of both parts, of which those of validation may be a share of those that were given. */
  readonly rows: { readonly train: Rows; readonly validation: Rows }
  readonly given: Rows
  /** The rows of the option validation; none for a share. */
  readonly validation: Rows
  readonly train: Encoded<object>
  readonly evaluation: Encoded<object>
  readonly max_length: number
}

export async function rowWarnings({ rows, given, validation, train, evaluation, max_length }: Told): Promise<string[]> {
  const places = placesOfShared(evaluation.examples, train.examples)
  // A part of its own in bundles.
  const shared = places.length > 0 ? (await import('./shared-rows.ts')).sharedRows(places, rows, given) : []
  return [
    ...shared,
    ...cutTexts(train.examples, train.truncated, 'train rows', max_length),
    ...cutTexts(evaluation.examples, evaluation.truncated, 'validation rows', max_length),
    ...unlearnedRows(placesIn(given, rows.train, train.unlearned), 'train', max_length),
    ...(validation.length > 0
      ? unlearnedRows(evaluation.unlearned ?? [], 'validation', max_length)
      : unlearnedRows(placesIn(given, rows.validation, evaluation.unlearned), 'train', max_length)),
  ]
}

/** Places of the validation examples that are among the training examples too. */
function placesOfShared(validation: Rows, train: Rows): number[] {
  const keys = validation.map((one) => JSON.stringify(one))
  const asked = new Set(keys)
  const shared = new Set<string>()
  for (const one of asked.size > 0 ? train : []) {
    const key = JSON.stringify(one)
    if (asked.has(key)) shared.add(key)
  }
  return keys.flatMap((key, i) => (shared.has(key) ? [i] : []))
}

/** Places of rows among all of which they are a part. */
function placesIn(all: Rows, part: Rows, places: readonly number[] = []): number[] {
  if (part === all || places.length === 0) return [...places]
  const placeOf = new Map(all.map((row, i) => [row, i]))
  return places.map((place) => placeOf.get(part[place] as object) ?? place)
}
