// Splits rows into training and validation rows: a random share of each class.

import { requireKind } from '@cola/graph/door'
import { callable, type Checks, checkOptions, integer } from '@cola/graph/options'
import { DataError } from '../errors.ts'
import { random } from '../random.ts'
import { describeValue } from './row-checks.ts'

/** Options of {@link splitRows}. */
export interface SplitOptions<Row> {
  /** @default 42 */
  seed?: number
  /** Group of a row, such as its class: the share is the same for each group. @default one group */
  group?: (row: Row) => unknown
}

const checks: Checks<SplitOptions<never>> = { seed: integer, group: callable }

/**
 * Splits rows at random.
 * @param share Share of `validation`, above 0 and below 1; rounded in each group, but never all of a group.
 * @returns Both parts, each in the order of the rows.
 * @throws {DataError} for another share, or when one of the parts would be empty.
 * @throws {ConfigError} for an option that is unknown or out of its range.
 */
export function splitRows<Row>(
  rows: readonly Row[],
  share: number,
  options: SplitOptions<Row> = {},
): { train: Row[]; validation: Row[] } {
  checkOptions('splitRows', options, checks)
  requireKind('splitRows, rows', rows, 'list')
  const { seed = 42, group = () => undefined } = options
  if (typeof share !== 'number' || !(share > 0 && share < 1))
    throw new DataError({
      where: 'option validation',
      what: 'not a share of the rows',
      expected: 'a number above 0 and below 1',
      found: describeValue(share),
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
  const largest = [...groups.values()].reduce((most, { length }) => Math.max(most, length), 0)
  if (validation.length === 0)
    throw new DataError({
      where: 'option validation',
      what: 'no row is left for validation',
      expected: 'more rows, or a greater share',
      found: `${rows.length} rows, share ${share}${groups.size > 1 ? `; the largest class has ${largest}` : ''}`,
    })
  return { train, validation }
}
