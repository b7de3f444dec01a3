// What the labels of an adapter's head were. Training goes on with numbers where it was a regression; of the other
// problem types labels say themselves which they are.

import type { Adapter } from '../adapter/files.ts'
import type { BaseModel } from '../load/base-model.ts'
import { type HeadChoice, logitsTensor } from './head-of-adapter.ts'
import type { SavedSettings } from './save.ts'

/** Where an adapter says it. */
export interface ProblemSource {
  readonly adapter: Adapter
  readonly saved: SavedSettings | undefined
  readonly choice: HeadChoice
  readonly base: BaseModel
}

interface Said {
  readonly labels?: unknown
  readonly problem_type?: unknown
}

/** The `problem_type` that was saved, else transformers': a regression has one row, more rows are what the base says. */
export function problemBefore({ adapter, saved, choice, base }: ProblemSource): unknown {
  if (saved) return (saved.settings as Said).problem_type
  const [, head] = logitsTensor(adapter, choice) ?? []
  if (head?.dims[0] === 1) return 'regression'
  const { problem_type } = base.config
  return problem_type === 'regression' ? undefined : problem_type
}

/** Whether labels go on as the numbers of a regression; the option `labels` names classes. */
export const isRegressionAgain = (
  source: ProblemSource,
  { labels }: Said,
  rows: readonly { readonly label?: unknown }[],
): boolean =>
  labels === undefined && problemBefore(source) === 'regression' && rows.every((row) => typeof row?.label === 'number')

/** A warning where a head is kept for labels of another type than those that it was trained with. */
export const otherProblem = (before: unknown, { problem_type }: Said): string[] =>
  before == null || problem_type === undefined || before === problem_type
    ? []
    : [`the head was trained with problem_type ${before}, and goes on with ${problem_type}`]
