// Fine-tuning in one call: open, head, adapter, artifacts, session, train, result.

import { divideRows, type Label, requireRows, type Source } from '@cola/data'
import { adamw, generateArtifacts, isLoss, keepsTensors, Trainer, TrainingSession } from '@cola/train'
import { checkValue, object } from '@cola/graph/options'
import { withParameters } from '../inject/adapted-model.ts'
import { withAdapter } from '../inject/with-adapter.ts'
import { type BaseModelSource, openBase } from '../load/base.ts'
import type { BaseModel } from '../load/base-model.ts'
import type { Task, TaskType, TaskTypes } from '../tasks/task.ts'
import { taskOf } from '../tasks/tasks.ts'
import { baseWithHead, withHeadOf } from './base-with-head.ts'
import { batchFunctions, evalLossOf } from './batch-functions.ts'
import { type FineTuned, fineTuned } from './fine-tuned.ts'
import type { TrainedBefore } from './from-adapter.ts'
import { type FineTuneOptions, type ReadOptions, readOptions } from './options.ts'
import { rowWarnings } from './row-warnings.ts'
import { withRows } from './rows-of.ts'
import type { OptionsWithRows } from './tables.ts'

/**
 * Below this number of validation rows, scores take few values and epochs tie; the loss selects the best epoch instead.
 */
const fewRows = 200

/**
 * Fine-tunes a pretrained model with an adapter.
 * @param source Folder or hub name of an ONNX model or of GPT-2's weights, or an opened model.
 * @returns The model at its best epoch by the validation rows, without them at its last; release it at the end.
 * @throws {ConfigError | DataError} for options and rows, before anything is trained; and what `openBase`,
 * `generateArtifacts`, `TrainingSession.create` and `Trainer.train` throw.
 */
export async function fineTune<T extends TaskType = 'SEQ_CLS', L extends Label = Label, const N extends Label = L>(
  source: BaseModelSource,
  options: FineTuneOptions<T, L, N>,
): Promise<FineTuned<T, N>> {
  checkValue('fineTune, options', options, object)
  const tuned = await fineTuneRows<T>(source, await withRows<T>(options), options)
  // The classes are those of the option labels or of the rows, whose names N are.
  return tuned as FineTuned<T, N>
}

/** @param given The options as they were given, which name no classes where a table does. */
async function fineTuneRows<T extends TaskType>(
  source: BaseModelSource,
  options: OptionsWithRows<T>,
  given: FineTuneOptions<T>,
): Promise<FineTuned<T>> {
  const known = await taskOf((options.task ?? 'SEQ_CLS') as T)
  const run = await readOptions(options, known)
  const { compute_metrics } = run
  // A part of its own in bundles.
  const task = compute_metrics ? (await import('./own-metrics.ts')).withOwnMetrics(known, compute_metrics) : known
  const before = run.adapter === undefined ? undefined : await trainedBefore(run.adapter, source)
  const base = await (before ?? { openBase }).openBase(source, run.open)
  const train = () => trainRows<T>(base, { task, run, before }, options, given)
  return before ? before.on(base, train) : train()
}

/** What a run trains with. */
interface Run<T extends TaskType> {
  task: Task<TaskTypes[T]>
  run: ReadOptions<T>
  before: TrainedBefore | undefined
}

async function trainRows<T extends TaskType>(
  opened: BaseModel,
  { task, run, before }: Run<T>,
  options: OptionsWithRows<T>,
  given: FineTuneOptions<T>,
): Promise<FineTuned<T>> {
  const { taskOptions, lora, training, optimizer, device, frozenProducts, gradientCheckpointing, ...limits } = run
  const taskType = task.taskType as T
  const { seed } = training
  requireRows('train', options.train)
  const choices = { ...before?.options(taskType, taskOptions, opened, options.train), ...taskOptions }
  const complete = await withHeadOf(choices, taskType, opened)
  const trained = before?.labels(taskType, opened)
  const fresh = await task.settings(options.train, complete, opened, training.batch_size, trained)
  const found = before?.settings(task, fresh, taskOptions) ?? fresh
  const settings = before?.classes(found, taskType, taskOptions, opened) ?? found
  const rows = divideRows(options.train, options.validation, seed, task.stratify?.(settings))
  const config = { ...lora, task_type: taskType }
  const base = await baseWithHead(opened, settings, before?.adapter ?? { config })
  const max_length = Math.min(base.max_length, limits.max_length)
  const encode = (where: 'train' | 'validation', part = rows[where]) =>
    task.encode(part, settings, { base, max_length, where })
  const [train, evaluation] = parts(encode, () => encode('train', options.train))

  const headed = task.head(base, settings, seed)
  const model = before
    ? before.model(headed, taskType, base, taskOptions, settings, found)
    : withAdapter(headed, config, { seed })
  const warn = (message: string) => training.callbacks?.onWarning?.({ event: 'warning', step: 0, message })
  const validation = Array.isArray(options.validation) ? options.validation : []
  const doubts = (await task.doubts?.(rows, settings, given, { train: options.train, validation })) ?? []
  const unused = await rowWarnings({ rows, given: options.train, validation, train, evaluation, max_length })
  for (const message of [...model.warnings, ...doubts, ...unused]) warn(message)
  const artifacts = generateArtifacts(model, {
    loss: task.loss(settings, { base, examples: train.examples, batch_size: training.batch_size }),
    evalLoss: evalLossOf(task, settings, {
      base,
      examples: evaluation.examples,
      batch_size: training.eval_batch_size,
    }),
    optimizer: adamw(optimizer),
    frozenProducts,
    gradientCheckpointing,
  })
  const { predict, ...batches } = batchFunctions<T>(task, base, model, settings)
  const session = await TrainingSession.create({ artifacts, device, seed, onWarning: warn })
  try {
    const metric = evaluation.examples.length < fewRows ? 'loss' : task.metricForBestModel(settings)
    const { metric_for_best_model = metric } = training
    const trainer = new Trainer<TaskTypes[T]['example'], TaskTypes[T]['prediction']>({
      train_metrics: task.scoresTraining,
      ...training,
      metric_for_best_model,
      session,
      data: { train: train.examples, evaluation: evaluation.examples, ...batches },
      predict,
      compute_metrics: ({ predictions, rows: scored, ...context }) =>
        task.scores(predictions, scored, settings, context),
    })
    // A function that fails does so before the training: of another metric the Trainer asks for its name.
    if (run.compute_metrics && isLoss(metric_for_best_model)) {
      const { examples } = evaluation.examples.length > 0 ? evaluation : train
      await trainer.evaluate(examples.slice(0, training.eval_batch_size))
    }
    const result = await trainer.train()
    await session.endTraining()
    const trained = keepsTensors(session.device)
      ? await (await import('./kept-parameters.ts')).keptParameters(session)
      : session
    return fineTuned<T>({
      task,
      base,
      settings,
      max_length,
      model,
      adapted: async () => withParameters(model, await trained.getParameters()),
      session: trained,
      batch_size: training.eval_batch_size,
      device,
      metrics: result.history[(result.best?.epoch ?? 0) - 1]?.eval_metrics ?? {},
      training: result,
      onWarning: warn,
    })
  } catch (error) {
    await session.release()
    throw error
  }
}

/** Both parts; a row of a share that is refused is named by its place among all that were given. */
function parts<Part>(encode: (where: 'train' | 'validation') => Part, encodeAll: () => Part): readonly [Part, Part] {
  try {
    return [encode('train'), encode('validation')]
  } catch (error) {
    encodeAll()
    throw error
  }
}

/** The adapter that training goes on from. */
const trainedBefore = async (source: Source, base: BaseModelSource) =>
  (await import('./from-adapter.ts')).trainedBefore(source, base)
