// A fine-tuned model from an adapter that PEFT saved. Its files name the base and the task, but neither classes nor
// pooling: options say those, and transformers' defaults.

import type { Files } from '@cola/data'
import type { Adapter } from '../adapter/files.ts'
import { bareName } from '../adapter/names.ts'
import { AdapterError, ConfigError } from '../errors.ts'
import type { BaseModelSource } from '../load/base.ts'
import type { BaseModel } from '../load/base-model.ts'
import type { Task, TaskType, TaskTypes } from '../tasks/task.ts'
import { trainingDefaults } from './options.ts'

/** Rows of the form that serves: an adapter has no rows of its own, from which a task finds its settings. */
const rows: { readonly [T in TaskType]: readonly TaskTypes[T]['row'][] } = {
  SEQ_CLS: [],
  TOKEN_CLS: [],
  CAUSAL_LM: [{ text: 'a' }],
  FEATURE_EXTRACTION: [{ anchor: 'a', positive: 'a', negative: 'b' }],
}

/**
 * Where an adapter's base is.
 * @param given The base that the caller names.
 * @throws {ConfigError} for an adapter of another task, and one that names no base.
 */
export function baseOfAdapter(
  { config }: Adapter,
  { where }: Files,
  task: TaskType,
  given: BaseModelSource | undefined,
): BaseModelSource {
  const { task_type, base_model_name_or_path } = config
  if (task_type && task_type !== task)
    throw new ConfigError({
      where: `${where}, adapter_config.json, field "task_type"`,
      what: 'trained for another task',
      expected: task,
      found: task_type,
      fix: `Write loadFineTuned(adapter, { task: '${task_type}' }).`,
    })
  const found = given ?? base_model_name_or_path
  if (found) return found
  throw new ConfigError({
    where: `${where}, adapter_config.json`,
    what: 'it names no base model',
    fix: 'Name it: loadFineTuned(adapter, { base }).',
  })
}

/**
 * The settings of a task for an adapter of PEFT's: classes are `LABEL_0` and so on, as transformers names them, where no
 * option names them.
 * @throws {ConfigError | AdapterError} for options that are missing or out of their range, and an adapter without the head
 * that the task needs.
 */
export function settingsOfAdapter<T extends TaskType>(
  task: Task<TaskTypes[T]>,
  { adapter, files }: { adapter: Adapter; files: Files },
  options: TaskTypes[T]['options'],
  base: BaseModel,
): TaskTypes[T]['settings'] {
  const { taskType } = task
  const all = hasHead(taskType) ? withLabels(adapter, files, options, base) : options
  if (taskType === 'SEQ_CLS') requirePooling(options, files, base)
  return task.settings(rows[taskType] as readonly TaskTypes[T]['row'][], all, base, trainingDefaults.batch_size)
}

const hasHead = (task: TaskType): boolean => task === 'SEQ_CLS' || task === 'TOKEN_CLS'

/** Options with one name for each row of the adapter's head. */
function withLabels<Options>({ tensors }: Adapter, { where }: Files, options: Options, { causal }: BaseModel): Options {
  const wanted = ['score.weight', 'classifier.weight']
  const head = [...tensors].find(([name]) => wanted.includes(bareName(name)))?.[1]
  if (!head)
    throw new AdapterError({
      where,
      what: 'the adapter has no head for this task',
      expected: `a tensor ${causal ? wanted[0] : wanted[1]} (PEFT saves it with modules_to_save)`,
      found: `${tensors.size} tensors, of ${[...tensors.keys()][0]} and others`,
      fix: 'Build what it was trained on: withHead, loadAdapter, merge.',
    })
  const labels = Array.from({ length: head.dims[0] as number }, (_, i) => `LABEL_${i}`)
  const { problem_type } = options as { problem_type?: string }
  return problem_type === 'regression' ? options : { labels, ...options }
}

/** @throws {ConfigError} for an encoder of which nothing says where its head reads a text. */
function requirePooling(options: object, { where }: Files, { causal }: BaseModel): void {
  if (causal || 'pooling' in options) return
  throw new ConfigError({
    where: `loadFineTuned, option pooling`,
    what: 'missing: the adapter of an encoder does not say what its head reads',
    expected: "'mean', or 'first' for a head on the first token's last hidden state",
    found: where,
    fix: "transformers' classes for BERT have a pooler before the head: export that class, and load the adapter with loadAdapter.",
  })
}
