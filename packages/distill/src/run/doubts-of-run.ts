// What may not be meant of a run's labels and rows, to warn of.

import { ignoreIndex, type Label, labelDoubts } from '@cola/data'
import type { ExamplesOfRun } from './examples-of-run.ts'
import type { DistillExample, DistillRow, ReadOptions } from './options.ts'

/**
 * Warnings of classes with few rows, of names that are variants of one another, and of texts with several labels.
 * @param named Whether an option, or the teacher, says what the classes are called.
 */
export function doubtsOfRun(
  { train, evaluation }: Pick<ExamplesOfRun, 'train' | 'evaluation'>,
  run: Pick<ReadOptions, 'train' | 'validation'>,
  classes: readonly Label[],
  named: boolean,
): string[] {
  const labelsOf = (examples: readonly DistillExample[]) =>
    examples.flatMap(({ label }) => (label === ignoreIndex ? [] : [classes[label] as Label]))
  return labelDoubts<DistillRow>(
    {
      train: labelsOf(train),
      validation: labelsOf(evaluation),
      given: { train: run.train, validation: Array.isArray(run.validation) ? run.validation : [] },
      classes,
      named,
      labelsOf: ({ label }) => [label],
      said: ({ text, label }) => ({ input: text, label }),
    },
    'field "label"',
  )
}
