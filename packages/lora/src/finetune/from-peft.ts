// A fine-tuned model from an adapter that PEFT saved. Its files name the base and the task, but neither classes nor
// pooling: options say those, and transformers' defaults.

import type { Files } from '@cola/data'
import type { Adapter } from '../adapter/files.ts'
import { bareName } from '../adapter/names.ts'
import { AdapterError, ConfigError } from '../errors.ts'
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

/** What an adapter's base is called. @throws {ConfigError} for an adapter that names none. */
export function baseOfAdapter({ config }: Adapter, { where }: Files): string {
  if (config.base_model_name_or_path) return config.base_model_name_or_path
  throw new ConfigError({
    where: `${where}, adapter_config.json`,
    what: 'it names no base model',
    fix: 'Name it: loadFineTuned(adapter, { base }).',
  })
}

/**
 * The settings of a task for an adapter of PEFT's: where no option names the classes, they are `LABEL_0` and so on, and
 * a head of one number is a regression's, as in transformers.
 * @throws {ConfigError | AdapterError} for options that are missing or out of their range, and an adapter without the
 * head that the task needs.
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
  const { problem_type = labels.length > 1 ? undefined : 'regression' } = options as { problem_type?: string }
  return problem_type === 'regression' ? { problem_type, ...options } : { labels, ...options }
}

/** @throws {ConfigError} for an encoder of which nothing says where its head reads a text. */
function requirePooling(options: object, { where }: Files, { causal }: BaseModel): void {
  if (causal || 'pooling' in options) return
  throw new ConfigError({
    where: 'loadFineTuned, option pooling',
    what: 'missing: the adapter of an encoder does not say what its head reads',
    expected: "'mean', or 'first' for a head on the first token's last hidden state",
    found: where,
    fix:
      "transformers' classes for BERT have a pooler before the head: export that class, and load the adapter with " +
      'loadAdapter.',
  })
}
