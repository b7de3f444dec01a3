// What is told where a language model has no token of a row to learn.

/** Rows that are named. */
const most = 10

/**
 * A warning where rows have no token left to learn, such as those whose prompt is as long as an input may be; in a list.
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
