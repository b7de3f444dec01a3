// What a task's head is, and the base with what the head has of it. Its parts are loaded where they are needed.

import type { BaseModel } from '../load/base-model.ts'
import type { HeadOption, LayeredHead } from '../tasks/head-option.ts'
import type { TaskType, TaskTypes } from '../tasks/task.ts'
import type { HeadTask } from '../tasks/transformers-heads.ts'
import type { Trained } from './head-parameters.ts'

/** Options of a task, with the layers of transformers' head where it is asked for. @throws {ConfigError} for a type without one. */
export async function withHeadOf<T extends TaskType>(
  options: TaskTypes[T]['options'],
  task: T,
  base: BaseModel,
): Promise<TaskTypes[T]['options']> {
  const { head } = options as { head?: HeadOption }
  if (head !== 'transformers') return options
  const { headOf } = await import('../tasks/transformers-heads.ts')
  return { ...options, head: headOf(base, task as HeadTask) }
}

/**
 * The base with the parameters of the head that the adapter does not train, such as a pooler's.
 * @throws {ConfigError} where they are not found.
 */
export async function baseWithHead(base: BaseModel, settings: object, trained: Trained): Promise<BaseModel> {
  const { head } = settings as { head?: LayeredHead }
  if (!head) return base
  const { withHeadParameters } = await import('./head-parameters.ts')
  return withHeadParameters(base, head, trained)
}
