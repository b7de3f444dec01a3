// A fine-tuned model from an adapter that PEFT saved. Its files name the base and the task, but neither classes nor
// what a linear head reads: options say those, the base's configuration, and transformers' defaults. Loaded for such an
// adapter.

import type { Files } from '@cola/data'
import type { Adapter } from '../adapter/files.ts'
import { ConfigError } from '../errors.ts'
import type { BaseModel } from '../load/base-model.ts'
import type { ProblemType } from '../tasks/problem-types.ts'
import type { Task, TaskType, TaskTypes } from '../tasks/task.ts'
import type { HeadTask } from '../tasks/transformers-heads.ts'
import { namesIn, problemTypeOf, requireNames } from './base-classes.ts'
import {
  type GivenHead,
  headOptions,
  isHeadTask,
  logitsWeight,
  requireHeadFor,
  requireReading,
} from './head-of-adapter.ts'
import { isLostPath, missingBase } from './missing-base.ts'
import { trainingDefaults } from './options.ts'

/** Rows of the form that serves: an adapter has no rows of its own, from which a task finds its settings. */
const rows: { readonly [T in TaskType]: readonly TaskTypes[T]['row'][] } = {
  SEQ_CLS: [],
  TOKEN_CLS: [],
  CAUSAL_LM: [{ text: 'a' }],
  FEATURE_EXTRACTION: [{ anchor: 'a', positive: 'a', negative: 'b' }],
}

/** What an adapter's base is called. @throws {ConfigError} for an adapter that names none, or a folder elsewhere. */
export function baseOfAdapter({ config }: Adapter, { where }: Files): string {
  const name = config.base_model_name_or_path
  if (name && isLostPath(name)) throw missingBase(`${where}, adapter_config.json`, name)
  if (name) return name
  throw new ConfigError({
    where: `${where}, adapter_config.json`,
    what: 'it names no base model',
    fix: 'Name it: loadFineTuned(adapter, { base }).',
  })
}

/**
 * The settings of a task for an adapter of PEFT's: where no option names the classes, they are the base's, or `LABEL_0`
 * and so on, and a head of one number is a regression's, as in transformers.
 * @throws {ConfigError | AdapterError} for options that are missing or out of their range, and an adapter without the
 * head that the task needs.
 */
export async function settingsOfAdapter<T extends TaskType>(
  task: Task<TaskTypes[T]>,
  source: { adapter: Adapter; files: Files },
  options: TaskTypes[T]['options'],
  base: BaseModel,
): Promise<TaskTypes[T]['settings']> {
  const { taskType } = task
  const all = isHeadTask(taskType)
    ? { ...options, ...classifierOptions(taskType, source, options as ClassifierOptions, base) }
    : options
  return task.settings(rows[taskType] as readonly TaskTypes[T]['row'][], all, base, trainingDefaults.batch_size)
}

interface ClassifierOptions extends GivenHead {
  labels?: readonly unknown[]
  problem_type?: ProblemType
}

/** Options of the head and of its classes. */
function classifierOptions(
  task: HeadTask,
  source: { adapter: Adapter; files: Files },
  options: ClassifierOptions,
  base: BaseModel,
): ClassifierOptions {
  const { adapter, files } = source
  requireHeadFor(task, adapter, files)
  const choice = headOptions(task, adapter, options, base)
  const count = logitsWeight(task, source, choice, base).dims[0] as number
  requireNames(options.labels, count)
  const labels = options.labels ?? adapter.head?.labels ?? namesIn(base.config, count)
  if (task === 'TOKEN_CLS') return { ...choice, labels }
  requireReading(choice, files, base)
  const problem_type = problemTypeOf(base.config, count, options.problem_type)
  if (problem_type === 'regression') return { ...choice, problem_type }
  return { ...choice, ...(problem_type ? { problem_type } : {}), labels }
}
