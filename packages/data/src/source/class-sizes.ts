// How labels spread over classes: in a column of ids, of texts or of amounts nearly each row is a class of its own.

import { requireKind } from '@cola/graph/door'
import { DataError } from '../errors.ts'
import type { Label } from './class-labels.ts'
import { describeValue } from './row-checks.ts'

/** So few labels may be a first try, in which classes have a row each; scikit-learn says nothing of them either. */
export const firstTry = 20
/** Share of labels that are the only one of their class, from which on they are hardly classes. */
const nearlyAll = 0.9

/** Number of labels of each class. */
export function sizesOf(labels: readonly Label[]): Map<Label, number> {
  const sizes = new Map<Label, number>()
  for (const label of labels) sizes.set(label, (sizes.get(label) ?? 0) + 1)
  return sizes
}

/** A name, and where it is found if that is known. */
function placed(name: Label, placeOf?: (label: Label) => string | undefined): string {
  const place = placeOf?.(name)
  return describeValue(name) + (place === undefined ? '' : ` in ${place}`)
}

/** The first of some names, for messages. */
export const several = (
  names: readonly Label[],
  placeOf?: (label: Label) => string | undefined,
  separator = ', ',
): string =>
  names
    .slice(0, 3)
    .map((name) => placed(name, placeOf))
    .join(separator)

/**
 * Refuses labels that nearly all are classes of their own. Rare classes among others, and many small ones, may be.
 * @param where The rows and the field.
 * @param fix What to do.
 * @throws {DataError} for more than 20 labels, nine of ten of which are the only one of their class.
 */
export function requireSharedLabels(labels: readonly Label[], where: string, fix: string): void {
  requireKind('requireSharedLabels, labels', labels, 'list')
  if (labels.length <= firstTry) return
  const sizes = sizesOf(labels)
  const alone = [...sizes.keys()].filter((label) => sizes.get(label) === 1)
  if (alone.length < nearlyAll * labels.length) return
  throw new DataError({
    where,
    what: 'nearly every label is a class of its own',
    expected: 'classes that several rows share',
    found: `${sizes.size} classes in ${labels.length} labels, such as ${several(alone)}`,
    fix,
  })
}
