// What may not be meant of a run's labels and rows, to warn of.

import { contradictions, doubtfulClasses, firstPlaces, ignoreIndex, type Label, similarClasses } from '@cola/data'
import type { ExamplesOfRun } from './examples-of-run.ts'
import type { DistillExample, DistillRow, ReadOptions } from './options.ts'

const field = 'field "label"'

const said = ({ text, label }: DistillRow) => ({ input: text, label })

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
  const given = { train: run.train, validation: Array.isArray(run.validation) ? run.validation : [] }
  const placeOf = firstPlaces<DistillRow>(given, ({ label }) => [label])
  return [
    ...doubtfulClasses(labelsOf(train), labelsOf(evaluation), field, { named, placeOf }),
    ...(named ? [] : similarClasses(classes, field, 'labels', placeOf)),
    ...contradictions(given, said, field),
  ]
}
