// The classes of an adapter's head, row by row, where training goes on from it: each row keeps the class that it had.

import { defaultLabels, describeValue, type Label } from '@cola/data'
import type { Adapter } from '../adapter/files.ts'
import { ConfigError } from '../errors.ts'
import type { BaseModel } from '../load/base-model.ts'
import { namesIn } from './base-classes.ts'

/** What names the classes. */
interface Classes {
  readonly labels?: readonly Label[]
}

/** Classes in the order of their names; undefined where the names are those of others. */
function ordered<L extends Label>(labels: readonly L[], names: readonly string[]): readonly L[] | undefined {
  const byName = new Map(labels.map((label) => [String(label), label]))
  const found = names.flatMap((name) => byName.get(name) ?? [])
  return found.length === labels.length && names.length === labels.length ? found : undefined
}

/** What the rows of a head may be called: what was recorded, else what the base calls them, or their numbers. */
function namesOf({ head }: Adapter, { config }: BaseModel, count: number): (readonly string[])[] {
  if (head?.labels) return [head.labels]
  const numbers = Array.from({ length: count }, (_, i) => String(i))
  return [namesIn(config, count), defaultLabels(count), numbers, ['false', 'true']]
}

/**
 * The names of an adapter's classes: those that it recorded, else those that the base has for as many rows as the head.
 * @param count Rows of the adapter's head.
 */
export function recordedNames({ head }: Adapter, { config }: BaseModel, count = 0): readonly string[] | undefined {
  if (head?.labels || head || count < 2) return head?.labels
  const names = namesIn(config, count)
  return names.join() === defaultLabels(count).join() ? undefined : names
}

/** An adapter's classes, then those that the rows have beside them; undefined where they share none. */
function united<L extends Label>(labels: readonly L[], names: readonly string[]): readonly L[] | undefined {
  const byName = new Map(labels.map((label) => [String(label), label]))
  if (!names.some((name) => byName.has(name))) return undefined
  const before = names.map((name) => byName.get(name) ?? (asIn(labels, name) as L))
  if (before.some((label, i) => String(label) !== names[i])) return undefined
  return [...before, ...labels.filter((label) => !names.includes(String(label)))]
}

/** The label of a name, of the type that others have. */
const asIn = ([first]: readonly Label[], name: string): Label =>
  typeof first === 'number' ? Number(name) : typeof first === 'boolean' ? name === 'true' : name

/**
 * Settings with the classes that the adapter recorded, in its order, and behind them the others of the rows, where they
 * share one; else in the order of the base's configuration or of their numbers; unless an option says the classes.
 * @param count Rows of the adapter's head.
 */
export function inTrainedOrder<S extends object>(
  settings: S & Classes,
  { labels: said }: Classes,
  adapter: Adapter,
  base: BaseModel,
  count: number | undefined,
): S {
  const { labels = [] } = settings
  if (said || labels.length === 0) return settings
  const names = recordedNames(adapter, base, count)
  const recorded = names && united(labels, names)
  if (recorded) return { ...settings, labels: recorded }
  const [known] = namesOf(adapter, base, labels.length).flatMap((names) => {
    const found = ordered(labels, names)
    return found ? [found] : []
  })
  return known ? { ...settings, labels: known } : settings
}

/**
 * @param count Rows of the adapter's head.
 * @throws {ConfigError} where neither an option nor a file says of which class each row of an adapter's head is.
 */
export function requireNamedRows(
  labels: readonly string[] = [],
  { labels: said }: Classes,
  adapter: Adapter,
  base: BaseModel,
  count: number,
): void {
  const isNamed = (names: readonly string[]) => names.length === count && ordered(labels, names)
  const isSaid = said ?? adapter.head?.labels
  if (isSaid || labels.length === 0 || namesOf(adapter, base, labels.length).some(isNamed)) return
  const ofBase = namesIn(base.config, count)
  const hasNames = ofBase.join() !== defaultLabels(count).join()
  throw new ConfigError({
    where: 'fineTune, option labels',
    what: "missing: nothing says of which class each row of the adapter's head is",
    expected: `${count} names in the order of the rows${hasNames ? `; the base's config.json has ${listed(ofBase)}` : ''}`,
    found: `${listed(labels)} in the training rows`,
    fix:
      "Say the order, as the training of the adapter had it: fineTune(base, { adapter, labels: ['...', '...'] }). " +
      'Where labels names another number of classes, the head starts anew.',
  })
}

/**
 * A warning where an option names the classes of the base's configuration in another order, such as that of a table:
 * an adapter of PEFT's does not say which order its head has.
 */
export function otherOrder(labels: readonly string[] = [], { head }: Adapter, { config }: BaseModel): string[] {
  const ofBase = namesIn(config, labels.length)
  if (head?.labels || ofBase.join() === labels.join() || !ordered(labels, ofBase)) return []
  return [
    `the adapter's head is read in the order of the option labels, ${listed(labels)}; the base's config.json has ` +
      `${listed(ofBase)}: if that is the order of the training, leave out labels, and give names or a table`,
  ]
}

/** A warning of classes that the adapter has and the rows have not. */
export function keptClasses({ labels = [] }: Classes, { labels: found = [] }: Classes): string[] {
  const kept = labels.filter((label) => !found.includes(label))
  return kept.length === 0
    ? []
    : [`no training row is of ${listed(kept)}: the adapter's classes are kept; name others with labels`]
}

/** Some classes, for people. */
export const listed = (labels: readonly Label[]): string =>
  labels.slice(0, 6).map(describeValue).join(', ') + (labels.length > 6 ? ', ...' : '')
