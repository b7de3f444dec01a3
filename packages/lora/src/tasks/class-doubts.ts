// What may not be meant of classes and of the rows that have them: loaded where something is to be said of them.

import { type Label, labelDoubts, type RowsByName } from '@cola/data'
import { labelsOf, type SequenceClassificationRow } from './text-rows.ts'

type Row = SequenceClassificationRow

/** What is read of a row, and what it says of it. */
const said = ({ text, text_pair, label }: Row) => ({
  input: text_pair === undefined ? text : [text, text_pair],
  label: Array.isArray(label) ? label.map(String).sort() : label,
})

/**
 * Warnings of classes with few rows, of names that are variants of one another, and of texts with several labels.
 * @param given The rows as they were given.
 * @param classes `named`: whether an option names them.
 */
export function classDoubts(
  { train, validation }: Readonly<Record<'train' | 'validation', readonly Row[]>>,
  given: RowsByName<Row>,
  { classes, named }: { classes: readonly Label[]; named: boolean },
): string[] {
  return labelDoubts<Row>(
    {
      train: labelsOf(train),
      validation: labelsOf(validation),
      given,
      classes,
      named,
      labelsOf: (row) => labelsOf([row]),
      said,
    },
    'field "label"',
  )
}
