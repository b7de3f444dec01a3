// The classes that occur in rows, in a fixed order. Labels that look alike are refused.

import { requireKind } from '@cola/graph/door'
import { DataError } from '../errors.ts'
import type { Label } from './class-labels.ts'

/**
 * The distinct labels: numbers in ascending order, others in the order of their text.
 * @throws {DataError} for labels of two types, such as 1 and '1', or labels that differ in spaces around them, or in the
 * Unicode form of their letters, only.
 */
export function distinctLabels(labels: readonly Label[], where: string): Label[] {
  requireKind('distinctLabels, labels', labels, 'list')
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
  refuseLookalikes(distinct, where)
  return distinct.sort((a, b) => (typeof a === 'number' ? a - Number(b) : String(a) < String(b) ? -1 : 1))
}

/** @throws {DataError} for two labels that look alike. */
function refuseLookalikes(distinct: readonly Label[], where: string): void {
  const seen = new Map<string, Label>()
  for (const label of distinct) {
    const name = String(label).trim().normalize()
    if (seen.has(name))
      throw new DataError({
        where: `${where}, field "label"`,
        what: 'two labels that look alike: they differ in spaces around them, or in the Unicode form of their letters',
        found: [seen.get(name), label].map(escaped).join(' and '),
        fix: 'Make them one: label.trim().normalize(). If both are meant, name them with the option labels.',
      })
    seen.set(name, label)
  }
}

/** A label in ASCII, so that two that look alike differ. */
const escaped = (label: Label | undefined): string =>
  JSON.stringify(label).replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
