// Rows kept apart for validation: a share of each class, chosen by a seed.

import { DataError } from '../errors.ts'
import { random } from '../random.ts'

export interface SplitOptions<Row> {
  /** @default 42 */
  seed?: number
  /** Rows of one group are divided in the same share, so that no class is left out. @default one group */
  group?: (row: Row) => unknown
}

/**
 * Divides rows at random.
 * @param share Of the rows that go to `validation`, above 0 and below 1; of each group, rounded, but never all of it.
 * @returns Both parts, each in the order in which the rows were given.
 * @throws {DataError} for another share, or when one of the parts would be empty.
 */
export function splitRows<Row>(
  rows: readonly Row[],
  share: number,
  { seed = 42, group = () => undefined }: SplitOptions<Row> = {},
): { train: Row[]; validation: Row[] } {
  if (!(share > 0 && share < 1))
    throw new DataError({
      where: 'option validation',
      what: 'not a share of the rows',
      expected: 'a number above 0 and below 1',
      found: String(share),
    })
  const groups = new Map<unknown, number[]>()
  rows.forEach((row, i) => {
    const key = group(row)
    const members = groups.get(key) ?? []
    if (members.length === 0) groups.set(key, members)
    members.push(i)
  })
  const stream = random(seed, 'split')
  const chosen = new Set<number>()
  for (const members of groups.values()) {
    const count = Math.min(members.length - 1, Math.round(share * members.length))
    for (const i of stream.shuffle(members).slice(0, count)) chosen.add(i)
  }
  const [train, validation] = [rows.filter((_, i) => !chosen.has(i)), rows.filter((_, i) => chosen.has(i))]
  if (validation.length === 0)
    throw new DataError({
      where: 'option validation',
      what: 'no row is left for validation',
      expected: 'more rows, or a greater share',
      found: `${rows.length} rows, share ${share}`,
    })
  return { train, validation }
}
