// Opens a fine-tuned model that was saved, or an adapter that PEFT saved.

import { type Files, type Label, openFiles, type Source, sourceChecks, type SourceOptions } from '@cola/data'
import { defaultDevice, type Device, openEvaluation } from '@cola/train'
import { pauses } from '@cola/train/files'
import { callable, type Checks, defined, flag, object, optionsIn, text, whole } from '@cola/graph/options'
import { type Adapter, configFile, openAdapter, settingsFile } from '../adapter/files.ts'
import { requireFiles } from '../adapter/require-files.ts'
import { loadAdapter } from '../adapter/load.ts'
import { mergeWith } from '../inject/merge.ts'
import { type BaseModelSource, isOpen, openBase } from '../load/base.ts'
import type { BaseModel } from '../load/base-model.ts'
import type { OnnxModelOptions } from '../onnx/open-options.ts'
import type { Task, TaskType, TaskTypes } from '../tasks/task.ts'
import { taskOf } from '../tasks/tasks.ts'
import { baseWithHead, withHeadOf } from './base-with-head.ts'
import { evalLossOf } from './batch-functions.ts'
import { checkKnown } from './check-known.ts'
import { type FineTuned, fineTuned } from './fine-tuned.ts'
import { type ComputeMetrics, isSource, type NamedClasses, trainingDefaults } from './options.ts'
import { baseOf, readSettings } from './save.ts'
import { openedAs, requireTask, settingsOf, together, warnOfBits, withChatTemplate } from './saved-adapter.ts'

/** Options of {@link loadFineTuned}. */
export interface LoadFineTunedOptions<T extends TaskType> extends SourceOptions {
  /** The task that the folder must have. @default 'SEQ_CLS' */
  task?: T
  /** The base model, where the name in the folder does not lead to it. */
  base?: BaseModelSource
  /** Merge the adapter into the base: faster, and the base cannot be shared. @default false */
  merge?: boolean
  /** @default 'cpu' in Node, 'wasm' in a browser, as in training */
  device?: Device
  /** Rows of a batch. @default 64, or 8 for language models */
  batch_size?: number
  /** Scores of one's own beside the task's in `evaluate`, as in `fineTune`. @default none */
  compute_metrics?: ComputeMetrics<T>
  /** How the base is opened: `{ quantization: null }` opens that of an adapter trained in 4 bits as its file has it. */
  open?: OnnxModelOptions
  /**
   * Told when texts are cut to the model's longest input, of options that `generate` ignores, of a base in other bits
   * than in training, and when a browser stores nothing. @default not
   */
  onWarning?: (warning: { message: string }) => void
}

const checks: Checks<LoadFineTunedOptions<TaskType>> = {
  ...sourceChecks,
  task: text,
  base: ['a source of files, or an open model', isSource],
  merge: flag,
  device: text,
  batch_size: whole(1),
  compute_metrics: callable,
  open: object,
}

/**
 * Opens what `save` wrote: the base model with its adapter, ready to be used. An adapter that PEFT saved opens too: its
 * head is that of transformers' class for the model type, its classes are the base's; the task's options, such as
 * `labels` and `pooling`, say what neither files have.
 * @param source A folder, a repository on the hub, an address, picked files or bytes.
 * @throws {ConfigError | AdapterError} naming the file: not such a folder, another task, a base that does not fit; or
 * the option that is unknown or out of its range.
 */
export async function loadFineTuned<T extends TaskType = 'SEQ_CLS', const L extends Label = Label>(
  source: Source,
  options: LoadFineTunedOptions<T> & Partial<TaskTypes[T]['options']> & NamedClasses<T, L> = {},
): Promise<FineTuned<T, L>> {
  const wanted = options?.task ?? ('SEQ_CLS' as T)
  const known = await taskOf(wanted)
  await checkKnown('loadFineTuned', options, { ...known.options, ...checks }, 'ofLoading')
  const { compute_metrics } = options
  // A part of its own in bundles.
  const task = compute_metrics ? (await import('./own-metrics.ts')).withOwnMetrics(known, compute_metrics) : known
  await requireFiles('loadFineTuned', source)
  const files = await openFiles(source, { ...optionsIn(sourceChecks, options), files: [] })
  await files.fetch?.([settingsFile, configFile].map((path) => ({ path, optional: true })))
  const isSaved = files.has(settingsFile)
  if (!isSaved && !files.has(configFile)) throw await (await import('./wrong-folder.ts')).noAdapter(files, options.base)
  const found = await (isSaved ? fromSaved : fromPeft)(files, task, options)
  const { settings, adapter, max_length, metrics } = found
  const { base, model } = await together(found, callWith, async () => {
    const withLayers = await baseWithHead(found.base, settings, adapter)
    return { base: withLayers, model: loadAdapter(task.head(withLayers, settings, 0), adapter) }
  })
  const served = options.merge ? await mergeWith(model, pauses()) : model
  const device = options.device ?? defaultDevice()
  const batch_size = options.batch_size ?? task.batchSizes?.eval_batch_size ?? trainingDefaults.eval_batch_size
  const loss = evalLossOf<T>(task, settings, { base, examples: [], batch_size })
  const session = await openEvaluation(served, { loss, device })
  const opened = fineTuned<T>({
    task,
    base,
    settings,
    max_length: max_length ?? base.max_length,
    model,
    adapted: async () => model,
    session,
    batch_size,
    device,
    onWarning: (message) => options.onWarning?.({ message }),
    metrics: Object.fromEntries(Object.entries(metrics).map(([name, value]) => [name, value ?? Number.NaN])),
  })
  // Other names than the option's are refused.
  return opened as FineTuned<T, L>
}

const callWith = (base: string): string => `loadFineTuned(adapter, { base: ${base} })`

/** What opens a fine-tuned model. */
interface Found<T extends TaskType> {
  base: BaseModel
  settings: TaskTypes[T]['settings']
  adapter: Adapter
  max_length?: number | null | undefined
  metrics: Readonly<Record<string, number | null>>
}

async function fromSaved<T extends TaskType>(
  files: Files,
  task: Task<TaskTypes[T]>,
  options: LoadFineTunedOptions<T>,
): Promise<Found<T>> {
  const saved = readSettings(files)
  await requireTask(saved.task_type, task, files)
  await refuseOthers(optionsOf(task, options), saved.settings)
  const settings = settingsOf(saved, task, files)
  const { name: _, path: __, ...where } = saved.base
  const given = options.base ?? baseOf(files, saved)
  const opened = await openBase(given, openedAs(isOpen(given) ? {} : (where as OnnxModelOptions), options.open))
  await warnOfBits('the adapter', saved, opened, (message) => options.onWarning?.({ message }))
  return {
    base: await withChatTemplate(opened, saved),
    settings,
    adapter: await openAdapter(files),
    max_length: saved.max_length,
    metrics: saved.metrics,
  }
}

/** The task's own options that are set. */
const optionsOf = <T extends TaskType>(
  { options: checks }: Task<TaskTypes[T]>,
  options: object,
): TaskTypes[T]['options'] => defined(optionsIn<TaskTypes[T]['options']>(checks, options))

/** @throws {ConfigError} for an option of the task that differs from what the model was trained with. */
async function refuseOthers(options: object, settings: Readonly<Record<string, unknown>>): Promise<void> {
  for (const [name, value] of Object.entries(options))
    if (!isSame(value, settings[name])) {
      // A part of its own in bundles.
      throw (await import('./other-setting.ts')).otherSetting(name, value, settings[name])
    }
}

/** Whether an option says what the setting is: `transformers` names a head with layers. */
const isSame = (option: unknown, setting: unknown): boolean =>
  JSON.stringify(option) === JSON.stringify(setting) || (option === 'transformers' && setting !== undefined)

async function fromPeft<T extends TaskType>(
  files: Files,
  task: Task<TaskTypes[T]>,
  options: LoadFineTunedOptions<T>,
): Promise<Found<T>> {
  // A part of its own in bundles.
  const { baseOfAdapter, settingsOfAdapter } = await import('./from-peft.ts')
  const adapter = await openAdapter(files)
  if (adapter.config.task_type) await requireTask(adapter.config.task_type, task, files)
  const base = await openBase(options.base ?? baseOfAdapter(adapter, files), options.open)
  const settings = await together({ adapter, base }, callWith, async () => {
    const given = await withHeadOf(optionsOf(task, options), task.taskType as T, base)
    return settingsOfAdapter<T>(task, { adapter, files }, given, base)
  })
  return { base, settings, adapter, metrics: {} }
}
