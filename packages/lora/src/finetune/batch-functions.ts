// How a session runs the examples of a task, while training and afterwards.

import type { Loss } from '@cola/graph'
import type { StepResult } from '@cola/train'
import type { AdaptedModel } from '../inject/adapted-model.ts'
import type { BaseModel } from '../load/base-model.ts'
import type { LossContext, Task, TaskType, TaskTypes } from '../tasks/task.ts'

/** Batches of examples, predictions from a batch's outputs, and an example's number of tokens. */
export function batchFunctions<T extends TaskType>(
  task: Task<TaskTypes[T]>,
  base: BaseModel,
  model: AdaptedModel,
  settings: TaskTypes[T]['settings'],
) {
  const place = base.batches(model.graph)
  return {
    collate: task.collate(base, model, settings),
    predict: (outputs: StepResult['outputs'], examples: readonly TaskTypes[T]['example'][]) =>
      task.predict(outputs, examples, settings, () => place(examples).starts),
    tokens: ({ input_ids }: TaskTypes[T]['example']) => input_ids.length,
  }
}

/** The loss of evaluation, with the outputs that predictions are made of. */
export const evalLossOf = <T extends TaskType>(
  task: Task<TaskTypes[T]>,
  settings: TaskTypes[T]['settings'],
  batches: LossContext<TaskTypes[T]['example']>,
): Loss => (task.evalLoss ?? task.loss)(settings, batches)
