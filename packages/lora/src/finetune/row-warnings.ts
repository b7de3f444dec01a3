// What is told of rows before a training: texts that are cut, rows that teach nothing, and rows of validation that are
// trained on too.

import { cutTexts, placesOfShared } from '@cola/data'
import type { Encoded } from '../tasks/task.ts'

type Rows = readonly object[]

/** What is known of the rows of a run. */
export interface RowsOfRun {
  /** The rows of both parts, of which those of validation may be a share of those that were given. */
  readonly rows: { readonly train: Rows; readonly validation: Rows }
  readonly given: Rows
  /** The rows of the option validation; none for a share. */
  readonly validation: Rows
  readonly train: Encoded<object>
  readonly evaluation: Encoded<object>
  readonly max_length: number
}

export async function rowWarnings(run: RowsOfRun): Promise<string[]> {
  const { train, evaluation, max_length } = run
  const places = placesOfShared(evaluation.examples, train.examples)
  // Parts of their own in bundles.
  const shared = places.length > 0 ? [(await import('./shared-rows.ts')).sharedOfRun(places, run)] : []
  const unlearned = train.unlearned?.length || evaluation.unlearned?.length
  return [
    ...shared,
    ...cutTexts(train.examples, train.truncated, 'train rows', max_length),
    ...cutTexts(evaluation.examples, evaluation.truncated, 'validation rows', max_length),
    ...(unlearned ? (await import('./unlearned-rows.ts')).unlearnedOfRun(run) : []),
  ]
}
