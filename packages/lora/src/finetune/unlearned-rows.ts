// What is told where a language model has no token of a row to learn. Loaded where there is such a row.

import type { RowsOfRun } from './row-warnings.ts'

/** Rows that are named. */
const most = 10

/** Warnings of rows that have no token left to learn, such as those whose prompt is as long as an input may be. */
export function unlearnedOfRun({ rows, given, validation, train, evaluation, max_length }: RowsOfRun): string[] {
  return [
    ...unlearnedRows(placesIn(given, rows.train, train.unlearned), 'train', max_length),
    ...(validation.length > 0
      ? unlearnedRows(evaluation.unlearned ?? [], 'validation', max_length)
      : unlearnedRows(placesIn(given, rows.validation, evaluation.unlearned), 'train', max_length)),
  ]
}

/**
 * A warning in a list; an empty list without places.
 * @param places Of the rows, from 0.
 * @param where What the rows are called: `train`.
 * @param max_length Tokens that are left of each.
 */
export function unlearnedRows(places: readonly number[], where: string, max_length: number): string[] {
  if (places.length === 0) return []
  const numbers = places.slice(0, most).map((place) => place + 1)
  const more = places.length > most ? ` and ${places.length - most} more` : ''
  const [rows, have] = places.length === 1 ? ['row', 'has'] : ['rows', 'have']
  return [
    `${where}, ${rows} ${numbers.join(', ')}${more} ${have} no token left to learn in ${max_length} tokens at most`,
  ]
}

/** Places of rows among all of which they are a part. */
function placesIn(all: readonly object[], part: readonly object[], places: readonly number[] = []): number[] {
  if (part === all || places.length === 0) return [...places]
  const placeOf = new Map(all.map((row, i) => [row, i]))
  return places.map((place) => placeOf.get(part[place] as object) ?? place)
}
