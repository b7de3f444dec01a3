// Counts for classification scores: labels, predictions and correct predictions by class. Checks of their ids.

import { callable, type Checks, checkOptions, checkValue, list, whole } from '@cola/graph/options'
import { DataError } from '../errors.ts'
import { describeValue } from '../source/row-checks.ts'

/** Class ids, one per row: whole numbers from 0. */
export type ClassIds = ArrayLike<number>

/** Limit of class ids: counts are arrays with an element for each id, and a greater id is a mistake. */
const maxClasses = 2 ** 24

/** Options of scores: the classes, and scikit-learn's `zero_division`. */
export interface ScoreOptions {
  /** Number of classes. @default those that occur in labels or predictions, as in scikit-learn */
  classes?: number
  /** Names of the classes by id, for warnings. @default their ids */
  target_names?: readonly unknown[]
  /** Called for each undefined score, which counts as 0. @default none */
  onWarning?: (message: string) => void
}

/** Checks of {@link ScoreOptions}. */
export const scoreChecks: Checks<ScoreOptions> = {
  classes: whole(1, maxClasses),
  target_names: list,
  onWarning: callable,
}

/** The first of some classes, by their names where these are known. */
export const listed = (ids: readonly number[], names: ScoreOptions['target_names'] = []): string =>
  ids
    .slice(0, 10)
    .map((id) => describeValue(names[id] ?? id))
    .join(', ') + (ids.length > 10 ? ', ...' : '')

/** Checks the options of a score that has none but `onWarning`. @throws {ConfigError} naming the option. */
export const checkWarning = (where: string, options: Pick<ScoreOptions, 'onWarning'>): void =>
  checkOptions(where, options, { onWarning: callable })

/** Counts by class id. */
export interface ClassCounts {
  rows: number
  /** Number of correct predictions. */
  right: number
  /** Number of labels of each class. */
  actual: Float64Array
  /** Number of predictions of each class. */
  predicted: Float64Array
  /** Number of correct predictions of each class. */
  hits: Float64Array
  /** Class ids over which averages are taken: all of `classes`, or those that occur. */
  present: number[]
}

/**
 * Counts in one pass over the rows; memory is linear in the greatest class id.
 * @throws {DataError} naming the row: lists of different length, ids that are not whole numbers from 0 and below
 * `classes`; names that are not one for each class.
 */
export function countClasses(predictions: ClassIds, labels: ClassIds, options: ScoreOptions = {}): ClassCounts {
  const { classes, target_names } = options
  const size = checkIds(predictions, labels, classes)
  checkNames(target_names, size, classes === undefined)
  const [actual, predicted, hits] = [new Float64Array(size), new Float64Array(size), new Float64Array(size)]
  let right = 0
  for (let i = 0; i < labels.length; i++) {
    const [label, prediction] = [labels[i] as number, predictions[i] as number]
    actual[label] = (actual[label] as number) + 1
    predicted[prediction] = (predicted[prediction] as number) + 1
    if (label !== prediction) continue
    hits[label] = (hits[label] as number) + 1
    right++
  }
  const ids = Array.from({ length: size }, (_, id) => id)
  const present =
    classes === undefined ? ids.filter((id) => (actual[id] as number) + (predicted[id] as number) > 0) : ids
  return { rows: labels.length, right, actual, predicted, hits, present }
}

/**
 * Checks the names of classes.
 * @param more Whether there may be more classes than the rows have.
 * @throws {DataError} for another number of names, or a name twice.
 */
export function checkNames(names: ScoreOptions['target_names'], size: number, more: boolean): void {
  if (!names) return
  const different = new Set(names).size
  if (different === names.length && (more ? different >= size : different === size)) return
  throw new DataError({
    where: 'option target_names',
    what: 'not one name for each class',
    expected: String(size),
    found: describeValue(names),
  })
}

/** The number of classes: `classes`, or one more than the greatest id. @throws {DataError} as {@link countClasses}. */
export function checkIds(predictions: ClassIds, labels: ClassIds, classes?: number): number {
  if (classes !== undefined && !(Number.isInteger(classes) && classes >= 1))
    throw new DataError({
      where: 'option classes',
      what: 'not a number of classes',
      expected: 'a whole number of at least 1',
      found: String(classes),
    })
  checkLengths(predictions, labels)
  let size = classes ?? 0
  for (const [name, ids] of [
    ['labels', labels],
    ['predictions', predictions],
  ] as const)
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i] as number
      if (!Number.isInteger(id) || id < 0 || id >= (classes ?? maxClasses)) refuseId(name, i, id, classes)
      if (id >= size) size = id + 1
    }
  return size
}

/** @throws {DataError} when two lists have different lengths. @throws {ConfigError} for what is no list. */
export function checkLengths(
  predictions: ArrayLike<unknown>,
  labels: ArrayLike<unknown>,
  names: readonly [string, string] = ['predictions', 'labels'],
): void {
  checkValue(names[0], predictions, list)
  checkValue(names[1], labels, list)
  if (predictions.length !== labels.length)
    throw new DataError({
      where: names[0],
      what: `not as many as ${names[1]}`,
      expected: `${labels.length} rows`,
      found: String(predictions.length),
    })
}

function refuseId(name: string, row: number, id: unknown, classes = maxClasses): never {
  throw new DataError({
    where: `${name}, row ${row + 1}`,
    what: 'no class id',
    expected: `a whole number from 0 to ${classes - 1}`,
    found: describeValue(id),
    fix: 'Give classes as their places in the list of class names.',
  })
}

/** numerator / denominator; 0 with a warning if the denominator is 0. */
export function ratio(numerator: number, denominator: number, warn: () => void): number {
  if (denominator !== 0) return numerator / denominator
  warn()
  return 0
}
