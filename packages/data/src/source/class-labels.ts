// Class names as users write them: strings, numbers or booleans, in an order that a model keeps.

import { DataError } from '../errors.ts'
import { describeValue } from './row-checks.ts'

/** The name of a class. */
export type Label = string | number | boolean

/** Whether a value can be the name of a class. */
export const isLabel = (value: unknown): value is Label =>
  (typeof value === 'string' && value !== '') ||
  typeof value === 'boolean' ||
  (typeof value === 'number' && Number.isFinite(value))

/**
 * The distinct labels: numbers by size, others by their text.
 * @throws {DataError} for labels of two types, such as 1 and '1'.
 */
export function distinctLabels(labels: readonly Label[], where: string): Label[] {
  const distinct = [...new Set(labels)]
  const types = [...new Set(distinct.map((label) => typeof label))]
  if (types.length > 1)
    throw new DataError({
      where: `${where}, field "label"`,
      what: 'labels of several types',
      expected: 'all strings, all numbers or all booleans',
      found: types
        .map((type) => `${type} ${JSON.stringify(distinct.find((label) => typeof label === type))}`)
        .join(', '),
    })
  return distinct.sort((a, b) => (typeof a === 'number' ? a - Number(b) : String(a) < String(b) ? -1 : 1))
}

/**
 * Index of a label among the classes.
 * @param fix What to do about a label that is none of them.
 * @throws {DataError} naming the row for such a label.
 */
export function classIndex(classes: readonly Label[], label: unknown, where: string, fix: string): number {
  const index = classes.indexOf(label as Label)
  if (index >= 0) return index
  throw new DataError({
    where: `${where}, field "label"`,
    what: 'a label that is none of the classes',
    expected: classes
      .slice(0, 12)
      .map((name) => JSON.stringify(name))
      .join(', '),
    found: describeValue(label),
    fix,
  })
}

/**
 * A value that is a label.
 * @param arrayFix What to do about an array.
 * @throws {DataError} naming the row, for a value that is no label.
 */
export function requireLabel(value: unknown, where: string, arrayFix?: string): Label {
  if (isLabel(value)) return value
  throw new DataError({
    where: `${where}, field "label"`,
    what: 'not a label',
    expected: 'a string, a number or a boolean',
    found: describeValue(value),
    ...(Array.isArray(value) && arrayFix !== undefined ? { fix: arrayFix } : {}),
  })
}

/** @throws {DataError} naming the row, for a value that is no array of labels. */
export function requireLabels(value: unknown, where: string): Label[] {
  if (Array.isArray(value)) return value.map((one) => requireLabel(one, where))
  throw new DataError({
    where: `${where}, field "label"`,
    what: 'not an array of labels',
    expected: 'an array, empty where no label applies',
    found: describeValue(value),
  })
}
