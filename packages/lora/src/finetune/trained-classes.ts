// The classes of an adapter's head, row by row, where training goes on from it: each row keeps the class that it had.

import { describeValue, type Label } from '@cola/data'
import type { Adapter } from '../adapter/files.ts'
import { bareName } from '../adapter/names.ts'
import type { BaseModel } from '../load/base-model.ts'
import { namesIn } from './base-classes.ts'

/** What names the classes. */
interface Classes {
  readonly labels?: readonly Label[]
}

/** Classes in the order of their names; undefined where the names are those of others. */
function ordered(labels: readonly Label[], names: readonly string[]): readonly Label[] | undefined {
  const byName = new Map(labels.map((label) => [String(label), label]))
  const found = names.flatMap((name) => byName.get(name) ?? [])
  return found.length === labels.length && names.length === labels.length ? found : undefined
}

/** Whether classes are what rows of a head are called without names: 0, 1, ... */
const areRows = (labels: readonly Label[]): boolean => labels.every((label, i) => Number(label) === i)

const hasRows = ({ tensors }: Adapter, count: number): boolean =>
  [...tensors].some(
    ([name, { dims }]) => /(^|\.)(classifier|score|out_proj)\.weight$/.test(bareName(name)) && dims[0] === count,
  )

/**
 * Settings with the classes in the order that the adapter recorded, else in that of the base's configuration, unless an
 * option says the order; and a warning where nothing does.
 */
export function inTrainedOrder<S extends object>(
  settings: S & Classes,
  { labels: said }: Classes,
  adapter: Adapter,
  { config }: BaseModel,
): { settings: S; warnings: string[] } {
  const { labels = [] } = settings
  if (said || labels.length === 0) return { settings, warnings: [] }
  const recorded = adapter.head?.labels
  const known = ordered(labels, recorded ?? namesIn(config, labels.length))
  if (known) return { settings: { ...settings, labels: known }, warnings: [] }
  const isTold = recorded !== undefined || areRows(labels) || !hasRows(adapter, labels.length)
  return { settings, warnings: isTold ? [] : [unnamed(labels)] }
}

const unnamed = (labels: readonly Label[]): string =>
  `nothing names the classes of the adapter's head: they are taken to be ${listed(labels)}; the option labels says ` +
  'another order'

const listed = (labels: readonly Label[]): string =>
  labels.slice(0, 6).map(describeValue).join(', ') + (labels.length > 6 ? ', ...' : '')
