// The classes that occur in rows, where no option names them.

import {
  DataError,
  describeValue,
  distinctLabels,
  type Label,
  requireLabel,
  requireLabels,
  requireSharedLabels,
  rowPlace,
} from '@cola/data'
import { allNames } from './all-names.ts'
import type { ProblemType } from './problem-types.ts'
import type { SequenceClassificationOptions } from './sequence-classification.ts'
import type { SequenceClassificationRow } from './text-rows.ts'

type Row = SequenceClassificationRow

const field = 'train, field "label"'
const arrayFix = "Several labels a text need problem_type: 'multi_label_classification'."

/** All labels of rows, each checked, one after the other. */
const labelsOf: { readonly [P in ProblemType]: (rows: readonly Row[]) => Label[] } = {
  single_label_classification: (rows) =>
    rows.map((row, i) => requireLabel(row.label, rowPlace('train', i, row), arrayFix)),
  multi_label_classification: (rows) => rows.flatMap((row, i) => requireLabels(row.label, rowPlace('train', i, row))),
  regression: () => [],
}

/**
 * The classes of training rows, sorted; those of the options, where these name any.
 * @param trained Classes of the adapter that training goes on from.
 * @throws {DataError} for fewer than two, for amounts, and for labels of which nearly each is a class of its own.
 */
export function foundClasses(
  rows: readonly Row[],
  problem_type: ProblemType,
  options: Pick<SequenceClassificationOptions, 'labels' | 'problem_type'>,
  trained?: readonly string[],
): Label[] {
  const all = options.labels ? [] : labelsOf[problem_type](rows)
  const classes = options.labels ? [...options.labels] : distinctLabels(all, 'train')
  if (allNames(classes, trained).length < 2 && problem_type !== 'regression')
    throw new DataError({
      where: field,
      what: 'too few classes to tell apart',
      expected: 'at least two',
      found: classes.map(describeValue).join(', ') || 'none',
    })
  if (options.labels || options.problem_type) return classes
  if (problem_type === 'single_label_classification') refuseAmounts(classes)
  requireShared(all)
  return classes
}

/** @throws {DataError} for a number such as 4.5, an amount rather than the name of a class. */
function refuseAmounts(classes: readonly Label[]): void {
  const amount = classes.find((label) => typeof label === 'number' && label % 1)
  if (amount === undefined) return
  throw new DataError({
    where: field,
    what: 'not a whole number',
    found: String(amount),
    fix: "Set problem_type: 'regression', or 'single_label_classification'.",
  })
}

/** @throws {DataError} for labels of which nearly each is a class of its own. */
export const requireShared = (labels: readonly Label[]): void =>
  requireSharedLabels(labels, field, ownClassFix(labels[0]))

/** What to do where nearly every row has another label. */
const ownClassFix = (label: Label | undefined): string =>
  `${typeof label === 'number' ? "An amount needs problem_type: 'regression'. " : ''}An id or a text is no class: ` +
  'give the column of the classes, rows.map((row) => ({ text: row.text, label: row.category })). ' +
  'If they are classes, name them with the option labels.'
