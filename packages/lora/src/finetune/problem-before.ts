// What an adapter's labels were: training goes on with the same problem type, where the rows can be of it.

import type { Adapter } from '../adapter/files.ts'
import type { BaseModel } from '../load/base-model.ts'
import type { ProblemType } from '../tasks/problem-types.ts'
import { isProblemType } from './base-classes.ts'
import { type HeadChoice, logitsTensor } from './head-of-adapter.ts'
import type { SavedSettings } from './save.ts'

/** Where an adapter says it. */
export interface ProblemSource {
  readonly adapter: Adapter
  readonly saved: SavedSettings | undefined
  readonly choice: HeadChoice
  readonly base: BaseModel
}

/** Whether a label can be one of a problem type. */
const isOf: { readonly [P in ProblemType]: (label: unknown) => boolean } = {
  single_label_classification: (label) => !Array.isArray(label),
  multi_label_classification: Array.isArray,
  regression: Number.isFinite,
}

/** The `problem_type` that was saved, else transformers': a regression by one row of the head, else the base's. */
function typeBefore({ adapter, saved, choice, base }: ProblemSource): unknown {
  if (saved) return (saved.settings as { problem_type?: unknown }).problem_type
  const [, head] = logitsTensor(adapter, choice) ?? []
  return head?.dims[0] === 1 ? 'regression' : base.config.problem_type
}

/** Undefined where nothing says it, and for labels of another kind: these are the rows of a new head. */
export function problemBefore(
  source: ProblemSource,
  rows: readonly { readonly label?: unknown }[],
): ProblemType | undefined {
  const before = typeBefore(source)
  return isProblemType(before) && rows.every((row) => isOf[before](row?.label)) ? before : undefined
}
