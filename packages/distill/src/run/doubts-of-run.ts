// What may not be meant of a run's labels, to warn of.

import { doubtfulClasses, ignoreIndex, type Label, similarClasses } from '@cola/data'
import type { ExamplesOfRun } from './examples-of-run.ts'
import type { DistillExample } from './options.ts'

const field = 'field "label"'

/**
 * Warnings of classes with few rows, and of names that are variants of one another.
 * @param named Whether an option, or the teacher, says what the classes are called.
 */
export function doubtsOfRun(
  { train, evaluation }: Pick<ExamplesOfRun, 'train' | 'evaluation'>,
  classes: readonly Label[],
  named: boolean,
): string[] {
  const labelsOf = (examples: readonly DistillExample[]) =>
    examples.flatMap(({ label }) => (label === ignoreIndex ? [] : [classes[label] as Label]))
  const similar = named ? [] : similarClasses(classes, field)
  return [...doubtfulClasses(labelsOf(train), labelsOf(evaluation), field), ...similar]
}
