// Class names of the user's rows: strings, numbers or booleans, in a fixed order.

import { requireKind } from '@cola/graph/door'
import { isBlank } from '@cola/graph/options'
import { DataError } from '../errors.ts'
import { describeValue, emptyFix, shows, similarName } from './row-checks.ts'

/** The name of a class. */
export type Label = string | number | boolean

/** Whether a value can be the name of a class. */
export const isLabel = (value: unknown): value is Label =>
  (typeof value === 'string' && !isBlank(value)) ||
  typeof value === 'boolean' ||
  (typeof value === 'number' && Number.isFinite(value))

const indices = new WeakMap<readonly Label[], ReadonlyMap<Label, number>>()

/** The index of each class, found once: a search for each row would take minutes for 200,000 classes. */
function indicesOf(classes: readonly Label[]): ReadonlyMap<Label, number> {
  const known = indices.get(classes)
  if (known && known.size === classes.length) return known
  const found = new Map<Label, number>()
  classes.forEach((label, i) => {
    if (!found.has(label)) found.set(label, i)
  })
  indices.set(classes, found)
  return found
}

/**
 * Index of a label among the classes.
 * @param fix Advice for a label that is not a class.
 * @throws {DataError} naming the row of a label that is not a class.
 */
export function classIndex(classes: readonly Label[], label: unknown, where: string, fix: string): number {
  requireKind('classIndex, classes', classes, 'list')
  const known = indicesOf(classes).get(label as Label)
  const index = known !== undefined && classes[known] === label ? known : classes.indexOf(label as Label)
  if (index >= 0) return index
  const meant = typeof label === 'string' && similarName(label, classes.map(String))
  throw new DataError({
    where: `${where}, field "label"`,
    what: 'a label that is none of the classes',
    expected: classes
      .slice(0, 12)
      .map((name) => JSON.stringify(name))
      .join(', '),
    found: describeValue(label),
    fix: meant ? `${meant} ${fix}` : fix,
  })
}

/**
 * Checks that a value is a label.
 * @param arrayFix Advice for an array.
 * @throws {DataError} naming the row, for a value that is not a label.
 */
export function requireLabel(value: unknown, where: string, arrayFix?: string): Label {
  if (isLabel(value)) return value
  throw new DataError({
    where: `${where}, field "label"`,
    what: 'not a label',
    expected: 'a string, a number or a boolean',
    found: describeValue(value),
    ...(Array.isArray(value) && arrayFix !== undefined ? { fix: arrayFix } : {}),
    ...(typeof value === 'string' || value === null
      ? { fix: emptyFix(value ? shows('row.label', value) : `row.label !== ${describeValue(value)}`) }
      : {}),
  })
}

/** Checks that a value is an array of different labels. @throws {DataError} naming the row, if it is not. */
export function requireLabels(value: unknown, where: string): Label[] {
  if (Array.isArray(value)) {
    const labels = value.map((label) => requireLabel(label, where))
    if (new Set(labels).size < labels.length) refuseRepeated(labels, where)
    return labels
  }
  throw new DataError({
    where: `${where}, field "label"`,
    what: 'not an array of labels',
    expected: 'an array, empty where no label applies',
    found: describeValue(value),
  })
}

function refuseRepeated(labels: readonly Label[], where: string): never {
  throw new DataError({
    where: `${where}, field "label"`,
    what: 'a label twice',
    expected: 'the labels that apply, each once',
    found: describeValue(labels),
    ...(labels.every((label) => label === 0 || label === 1)
      ? { fix: 'Of a row of zeros and ones, list the places of the ones: row.flatMap((on, i) => (on ? [i] : [])).' }
      : {}),
  })
}
