// Splits rows into training and validation rows: a random share of all, of each class, or of groups that stay together.

import { requireKind } from '@cola/graph/door'
import { callable, type Checks, checkOptions, integer } from '@cola/graph/options'
import { ConfigError, DataError } from '../errors.ts'
import { random } from '../random.ts'
import { describeValue } from './row-checks.ts'

/** Options of {@link splitRows}, which mean what they mean in scikit-learn. */
export interface SplitOptions<Row> {
  /** @default 42 */
  seed?: number
  /** Class of a row: validation has the same share of each class. @default one class */
  stratify?: (row: Row) => unknown
  /** Group of a row, such as its author: the rows of a group stay together. @default each row by itself */
  groups?: (row: Row) => unknown
}

const checks: Checks<SplitOptions<never>> = { seed: integer, stratify: callable, groups: callable }

/** What other libraries have, and earlier versions had. */
const elsewhere: Readonly<Record<string, string>> = {
  group: 'stratify: row => class gives validation a share of each class; groups: row => group keeps groups together.',
  test_size: 'The share of validation is the second argument: splitRows(rows, 0.2).',
  train_size: 'The share of validation is the second argument: splitRows(rows, 0.2).',
  random_state: 'It is seed.',
}

/**
 * Splits rows at random.
 * @param share Share of `validation`, above 0 and below 1: of the rows of each class, rounded, but never all of a class;
 * with `groups`, of the groups.
 * @returns Both parts, each in the order of the rows.
 * @throws {DataError} for another share, or when one of the parts would be empty.
 * @throws {ConfigError} for an option that is unknown or out of its range, or for both `stratify` and `groups`.
 */
export function splitRows<Row>(
  rows: readonly Row[],
  share: number,
  options: SplitOptions<Row> = {},
): { train: Row[]; validation: Row[] } {
  checkOptions('splitRows', options, checks, false, elsewhere)
  requireKind('splitRows, rows', rows, 'list')
  if (options.stratify && options.groups)
    throw new ConfigError({
      where: 'splitRows, option groups',
      what: 'groups that stay together have no share of each class',
      expected: 'groups or stratify',
      found: 'both',
      fix: 'Leave one of them out.',
    })
  return divided(rows, share, options, 'splitRows, share')
}

/** @param where Names the share in errors. */
export function divided<Row>(
  rows: readonly Row[],
  share: number,
  { seed = 42, stratify = () => undefined, groups }: SplitOptions<Row>,
  where: string,
): { train: Row[]; validation: Row[] } {
  if (typeof share !== 'number' || !(share > 0 && share < 1))
    throw new DataError({
      where,
      what: 'not a share of the rows',
      expected: 'a number above 0 and below 1',
      found: describeValue(share),
    })
  const members = membersBy(rows, groups ?? stratify)
  const chosen = chosenOf(groups ? [members] : members.map((rowsOfClass) => rowsOfClass.map((i) => [i])), share, seed)
  const [train, validation] = [rows.filter((_, i) => !chosen.has(i)), rows.filter((_, i) => chosen.has(i))]
  if (validation.length > 0) return { train, validation }
  const largest = members.reduce((most, { length }) => Math.max(most, length), 0)
  const inGroups = groups ? ` in ${members.length} groups` : ''
  const ofClass = !groups && members.length > 1 ? `; the largest class has ${largest}` : ''
  throw new DataError({
    where,
    what: 'no row is left for validation',
    expected: groups ? 'more groups, or a greater share' : 'more rows, or a greater share',
    found: `${rows.length} rows${inGroups}, share ${share}${ofClass}`,
  })
}

/** Indices of the rows of each key, in the order in which keys occur. */
function membersBy<Row>(rows: readonly Row[], keyOf: (row: Row) => unknown): number[][] {
  const members = new Map<unknown, number[]>()
  rows.forEach((row, i) => {
    const key = keyOf(row)
    const own = members.get(key) ?? []
    if (own.length === 0) members.set(key, own)
    own.push(i)
  })
  return [...members.values()]
}

/** Indices of the rows of a share of the units of each class. */
function chosenOf(classes: readonly (readonly (readonly number[])[])[], share: number, seed: number): Set<number> {
  const stream = random(seed, 'split')
  const chosen = new Set<number>()
  for (const units of classes) {
    const count = Math.min(units.length - 1, Math.round(share * units.length))
    for (const i of stream.shuffle(units).slice(0, count).flat()) chosen.add(i)
  }
  return chosen
}
