// What may not be meant of a run's labels and rows, to warn of.

import { ignoreIndex, type Label, labelDoubts, placesOfShared, sharedRows } from '@cola/data'
import type { ExamplesOfRun } from './examples-of-run.ts'
import type { DistillExample, DistillRow, ReadOptions } from './options.ts'

/**
 * Warnings of classes with few rows, of names that are variants of one another, of texts with several labels, and of rows
 * that are judged by and trained on, with a label or as a transfer text.
 * @param named Whether an option, or the teacher, says what the classes are called.
 */
export function doubtsOfRun(
  examples: ExamplesOfRun,
  run: Pick<ReadOptions, 'train' | 'validation' | 'heldOut'>,
  classes: readonly Label[],
  named: boolean,
): string[] {
  const { train, evaluation } = examples
  const labelsOf = (some: readonly DistillExample[]) =>
    some.flatMap(({ label }) => (label === ignoreIndex ? [] : [classes[label] as Label]))
  const ofLabels = labelDoubts<DistillRow>(
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
  return [...ofLabels, ...sharedWith(examples, run)]
}

/** A warning of each part that has rows which are trained on too. */
function sharedWith(
  { train, places, evaluation, judged, heldOut }: ExamplesOfRun,
  run: Pick<ReadOptions, 'train' | 'heldOut'>,
): string[] {
  const labelled = train.slice(0, places.length)
  const others = Object.entries(run.heldOut).map(
    ([name, rows]) => [`heldOut.${name}`, rows, heldOut.get(name) ?? []] as const,
  )
  return [['validation', judged, evaluation] as const, ...others].flatMap(([name, rows, examples]) => {
    const judged = { name, rows, given: run.train }
    const shared = placesOfShared(examples, labelled)
    const unlabelled = placesOfShared(tokensOf(examples), tokensOf(train.slice(places.length)))
    return [
      ...(shared.length > 0 ? [sharedRows(shared, { ...judged, among: 'train rows' })] : []),
      ...(unlabelled.length > 0 ? [sharedRows(unlabelled, { ...judged, among: 'transfer texts' })] : []),
    ]
  })
}

/** Texts as the model reads them, whatever is known of their classes. */
const tokensOf = (examples: readonly DistillExample[]) => examples.map(({ input_ids }) => ({ input_ids }))
