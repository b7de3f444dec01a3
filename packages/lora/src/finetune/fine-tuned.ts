// A fine-tuned model: predicts, evaluates, saves, exports and releases.

import {
  cutTexts,
  type DirectoryHandle,
  type FileSink,
  type Label,
  padTokenId,
  requireList,
  requireRow,
  rowPlace,
  strictMethods,
  type Tokenizer,
} from '@cola/data'
import {
  type Device,
  type Evaluation,
  type EvaluationSession,
  evaluateRows,
  type Metrics,
  modelFingerprint,
  once,
  type TrainResult,
  untilRelease,
} from '@cola/train'
import { withoutSegments } from '@cola/graph'
import { stored } from '@cola/train/files'
import type { AdaptedModel } from '../inject/adapted-model.ts'
import type { BaseModel } from '../load/base-model.ts'
import type { Predict, Releasable, RowsOf, ServeContext, Task, TaskType, TaskTypes } from '../tasks/task.ts'
import { batchFunctions } from './batch-functions.ts'
import type { FineTunedExport, FineTunedExportOptions } from './export.ts'
import { rowsOf } from './rows-of.ts'
import { saveFineTuned } from './save.ts'

/** The methods of every fine-tuned model, beside those of its task. */
export interface FineTunedModel<T extends TaskType> {
  readonly task: T
  readonly settings: TaskTypes[T]['settings']
  /** Scores of the validation rows at the best epoch; without them, none. */
  readonly metrics: Metrics
  /** The run: undefined for a model that was opened from its folder. */
  readonly training: TrainResult | undefined
  /** The model with its trained adapter, for `merge`, `switchable` and the other functions of adapters. */
  readonly adapted: () => Promise<AdaptedModel>
  /** Scores rows with labels, or a table of them. @throws {DataError} naming the row and the field. */
  readonly evaluate: (rows: RowsOf<TaskTypes[T]>) => Promise<Evaluation<TaskTypes[T]['prediction']>>
  /**
   * Writes the adapter as PEFT has it, the tokenizer, the task's settings, and how the base is opened. PEFT reads the head
   * of an encoder's classifier right where it was trained with `head: 'transformers'`: the default, a linear layer, is read
   * here alone, and PEFT's classes give other logits with it, without an error. What an earlier model left in the folder
   * and this one has not goes.
   * @throws {ConfigError} for the base model's own folder; {FileError} when the folder cannot be written.
   */
  readonly save: (folder: string | FileSink | DirectoryHandle) => Promise<void>
  /**
   * Writes the model for any ONNX Runtime, with its configuration and tokenizer; its adapter is merged. A language
   * model whose file has a cache is written in the form of the file: with its cache and attention, in float32, float16
   * or 4 bits. Merging into 4 bits rounds the changed matrices again; the result says how far, and `merge: false` keeps
   * the base's codes, and the tokens that `generate` gives. A page or a server answers between matrices that are merged;
   * storing them in another type, and writing the file, is one piece of work: for large models, of a worker.
   * @throws {ConfigError} for an unknown option, and for the base model's own folder; {FileError} when the folder
   * cannot be written; {AdapterError} when merging gives values that are not finite.
   */
  readonly export: (
    folder: string | FileSink | DirectoryHandle,
    options?: FineTunedExportOptions,
  ) => Promise<FineTunedExport>
  /** The base model's tokenizer. */
  readonly tokenizer: Tokenizer
  /** SHA-256 of everything that predictions depend on: model, adapter, tokenizer, settings. */
  readonly fingerprint: () => Promise<string>
  /** Frees the model, which cannot be used afterwards. */
  readonly release: () => Promise<void>
}

/** A fine-tuned model at work. @typeParam L Names of the classes of texts. */
export type FineTuned<T extends TaskType = 'SEQ_CLS', L extends Label = Label> = FineTunedModel<T> &
  TaskTypes<L>[T]['serving']

/** The parts of a fine-tuned model. */
export interface FineTunedParts<T extends TaskType> {
  task: Task<TaskTypes[T]>
  base: BaseModel
  settings: TaskTypes[T]['settings']
  /** Longest input in tokens. */
  max_length: number
  /** The model that batches are made for; its weights may be older than the session's. */
  model: AdaptedModel
  adapted: () => Promise<AdaptedModel>
  /** Runs one batch with labels: loss and outputs. */
  session: EvaluationSession
  /** Rows of a batch. */
  batch_size: number
  device: Device
  metrics: Metrics
  training?: TrainResult
  /** Told of texts that were cut. @default not */
  onWarning?: (message: string) => void
}

/** Builds the object that `fineTune` and `loadFineTuned` return. */
export function fineTuned<T extends TaskType>(parts: FineTunedParts<T>): FineTuned<T> {
  const { task, base, settings, max_length, model, session, batch_size, device, metrics, training } = parts
  const batches = batchFunctions<T>(task, base, model, settings)
  const opened = new Map<() => Promise<Releasable>, Promise<Releasable>>()
  const { requireOpen, release } = untilRelease(
    'fine-tuned model',
    'Release it last: loadFineTuned opens what save wrote.',
  )
  const adapted = async () => {
    requireOpen()
    return parts.adapted()
  }
  const lazily: ServeContext['lazily'] = (open) => async () => {
    requireOpen()
    return once(opened, open, open) as ReturnType<typeof open>
  }
  const pad_token_id = padTokenId(base.config, base.tokenizer, base.vocab_size)
  const onWarning = (message: string) => parts.onWarning?.(message)
  const context: ServeContext = { base, max_length, pad_token_id, device, adapted, lazily, requireOpen, onWarning }
  const run = (examples: readonly TaskTypes[T]['example'][]) => {
    requireOpen()
    return evaluateRows(session, examples, { ...batches, batch_size })
  }
  const predict: Predict<TaskTypes[T]> = async ({ examples, truncated }) => {
    for (const message of cutTexts(examples, truncated, 'texts', max_length)) onWarning(message)
    if (examples.length > 0) return (await run(examples)).predictions
    requireOpen()
    return []
  }
  const common: FineTunedModel<T> = {
    task: task.taskType as T,
    settings,
    metrics,
    training,
    adapted: async () => {
      const model = await adapted()
      return { ...model, graph: withoutSegments(model.graph), base: withoutSegments(model.base) }
    },
    evaluate: async (given) => {
      requireOpen()
      const rows = await rowsOf<T>(given)
      requireList(rows, 'rows')
      rows.forEach((row, i) => {
        requireRow(row, rowPlace('rows', i))
      })
      const { examples, truncated, unlearned = [] } = task.encode(rows, settings, { ...context, where: 'rows' })
      const { loss, predictions } = await run(examples)
      const warnings = [
        ...cutTexts(rows, truncated, 'rows', max_length),
        ...(unlearned.length > 0
          ? (await import('./unlearned-rows.ts')).unlearnedRows(unlearned, 'rows', max_length)
          : []),
      ]
      const onWarning = (message: string) => warnings.push(message)
      const metrics = await task.scores(predictions, examples, settings, { loss, onWarning })
      return { loss, metrics, predictions, warnings }
    },
    save: (target) =>
      stored(target, async (folder) => {
        const adapter = await adapted()
        const { refuseFolderOfBase } = await import('./folder-of-base.ts')
        refuseFolderOfBase('save', folder, base)
        saveFineTuned(folder, { ...parts, adapter })
      }),
    export: async (target, options) => {
      // Loaded when something is exported: bundles have a part of its own for it.
      const { exportFineTuned, exportParts } = await import('./export.ts')
      const written = exportParts(parts, await common.adapted())
      return stored(target, (folder) => exportFineTuned(folder, written, options))
    },
    tokenizer: base.tokenizer,
    fingerprint: async () =>
      modelFingerprint((await common.adapted()).graph, [settings, max_length, base.config, base.tokenizer.files]),
    release: async () => {
      if (!release()) return
      await session.release()
      for (const one of await Promise.allSettled(opened.values()))
        if (one.status === 'fulfilled') await one.value.release()
    },
  }
  const { evaluate, save } = common
  return { ...common, ...strictMethods({ evaluate, save }), ...task.serve(predict, settings, context) }
}
