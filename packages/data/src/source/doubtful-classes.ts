// What may not be meant of classes: names that are nearly the same, too many of them, too few rows of one.

import { requireKind } from '@cola/graph/door'
import { callable, type Checks, checkOptions, flag } from '@cola/graph/options'
import type { Label } from './class-labels.ts'
import { firstTry, several, sizesOf } from './class-sizes.ts'

/** Options of {@link doubtfulClasses}. */
export interface DoubtOptions {
  /** Whether someone named the classes: then none is misspelt. @default false */
  named?: boolean
  /** Where a class is found, such as the place of its first row. @default not told */
  placeOf?: PlaceOf
}

/** Where a class is found; undefined where that is not known. */
export type PlaceOf = (label: Label) => string | undefined

const checks: Checks<DoubtOptions> = { named: flag, placeOf: callable }

/**
 * What may not be meant of the classes of training and validation rows, for a warning: more classes than half the labels,
 * as scikit-learn warns of, or else classes with a single row among larger ones; and classes that no validation row has.
 * @param where The rows and the field.
 * @throws {ConfigError} for an option that is unknown or out of its range.
 */
export function doubtfulClasses(
  train: readonly Label[],
  validation: readonly Label[],
  where: string,
  options: DoubtOptions = {},
): string[] {
  requireKind('doubtfulClasses, train', train, 'list')
  checkOptions('doubtfulClasses', options, checks)
  const { named = false, placeOf } = options
  const sizes = sizesOf([...train, ...validation])
  const [classes, labels] = [sizes.size, train.length + validation.length]
  const many = labels > firstTry && classes > labels / 2
  const found = [...sizes.keys()]
  const single = named ? [] : found.filter((label) => sizes.get(label) === 1)
  const judged = new Set(validation)
  const unjudged = validation.length > 0 ? found.filter((label) => !judged.has(label)) : []
  const share = (some: readonly Label[]) => `${some.length} of ${classes} classes`
  return [
    ...(many ? [`${where}: ${classes} classes in ${labels} labels; are they classes, or amounts, ids or texts?`] : []),
    ...(!many && single.length > 0 && single.length < classes
      ? [
          `${where}: ${share(single)} with a single row, such as ${several(single, placeOf)}; is the name misspelt? If ` +
            'not, a class is learned from several rows: add some, or leave the row out',
        ]
      : []),
    ...(unjudged.length > 0
      ? [`${share(unjudged)} have no validation row, such as ${several(unjudged)}; no score tells of them`]
      : []),
  ]
}

/** What is left of a name without its spelling: case, form of its letters, spaces around it and between its words. */
const bare = (label: Label): string => String(label).normalize().trim().replace(/\s+/g, ' ').toLowerCase()

/**
 * Names of classes that differ in case or spaces alone, for a warning: how many groups, and the first of them.
 * @param where The rows and the field.
 * @param option The option that names the classes, where both are meant.
 * @param placeOf Where a class is found. @default not told
 */
export function similarClasses(
  classes: readonly Label[],
  where: string,
  option = 'labels',
  placeOf?: PlaceOf,
): string[] {
  requireKind('similarClasses, classes', classes, 'list')
  const groups = new Map<string, Label[]>()
  for (const label of classes) {
    const group = groups.get(bare(label))
    if (group) group.push(label)
    else groups.set(bare(label), [label])
  }
  const similar = [...groups.values()].filter(({ length }) => length > 1)
  if (similar.length === 0) return []
  const listed = similar.slice(0, 3).map((names) => several(names, placeOf, ' and '))
  const count = similar.length === 1 ? '' : `${similar.length} groups of `
  return [
    `${where}: ${count}classes that differ in case or spaces alone, ${listed.join('; ')}; ` +
      'if they are one, write it in one way, such as label.trim().toLowerCase(); ' +
      `if not, name all classes with the option ${option}`,
  ]
}
