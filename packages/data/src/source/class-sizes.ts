// How labels spread over classes: in a column of ids, of texts or of amounts nearly each row is a class of its own.

import { requireKind } from '@cola/graph/door'
import { DataError } from '../errors.ts'
import type { Label } from './class-labels.ts'
import { describeValue } from './row-checks.ts'

/** So few labels may be a first try, in which classes have a row each; scikit-learn says nothing of them either. */
const firstTry = 20
/** Share of labels that are the only one of their class, from which on they are hardly classes. */
const nearlyAll = 0.9

function sizesOf(labels: readonly Label[]): Map<Label, number> {
  const sizes = new Map<Label, number>()
  for (const label of labels) sizes.set(label, (sizes.get(label) ?? 0) + 1)
  return sizes
}

const several = (names: readonly Label[]): string =>
  names
    .slice(0, 3)
    .map((name) => describeValue(name))
    .join(', ')

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

/**
 * What may not be meant of the classes of training and validation rows, for a warning: more classes than half the labels,
 * as scikit-learn warns of, and classes that no validation row has.
 * @param where The rows and the field.
 */
export function doubtfulClasses(train: readonly Label[], validation: readonly Label[], where: string): string[] {
  requireKind('doubtfulClasses, train', train, 'list')
  const sizes = sizesOf([...train, ...validation])
  const [classes, labels] = [sizes.size, train.length + validation.length]
  const many = labels > firstTry && classes > labels / 2
  const judged = new Set(validation)
  const unjudged = [...sizes.keys()].filter((label) => !judged.has(label))
  return [
    ...(many ? [`${where}: ${classes} classes in ${labels} labels; are they classes, or amounts, ids or texts?`] : []),
    ...(validation.length > 0 && unjudged.length > 0
      ? [
          `${unjudged.length} of ${classes} classes have no validation row, such as ${several(unjudged)}; no score tells of them`,
        ]
      : []),
  ]
}
