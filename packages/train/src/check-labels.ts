// Checks labels: each is a class, or -100 for none.

import { requireKind } from '@cola/graph/door'
import { ignoreIndex } from '@cola/data'
import { FeedError } from './errors.ts'

/**
 * Checks labels, one per row: each is a class, or -100 for a row without a label.
 * @param classes Number of classes; undefined if it is not known.
 * @throws {FeedError} naming the first row with another label.
 */
export function checkLabels(where: string, labels: ArrayLike<number>, classes?: number): void {
  requireKind('checkLabels, where', where, 'text')
  const at = Array.from(labels).findIndex((label) => label !== ignoreIndex && !isClass(label, classes))
  if (at >= 0) refuseLabel(`${where}, row ${at + 1}`, labels[at], classes)
}

export const isClass = (label: unknown, classes = Number.POSITIVE_INFINITY): boolean =>
  Number.isInteger(label) && (label as number) >= 0 && (label as number) < classes

/** @throws {FeedError} for a label that is no class. */
export function refuseLabel(where: string, found: unknown, classes: number | undefined): never {
  throw new FeedError({
    where,
    what: 'the label is not a class of the model',
    expected: `${classes === undefined ? 'a whole number from 0' : `0 to ${classes - 1}`}, or ${ignoreIndex} for none`,
    found: typeof found === 'bigint' ? `${found}n, a BigInt` : String(found),
  })
}
