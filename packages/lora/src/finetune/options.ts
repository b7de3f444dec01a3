// Options of fineTune, and their defaults.

import type { Label, Source } from '@cola/data'
import {
  type AdamOptions,
  checkLoopOptions,
  defaultDevice,
  type Device,
  type FrozenProducts,
  loopChecks,
  type LoopOptions,
  type Metrics,
  type SamplingStrategy,
  type TrainerOptions,
} from '@cola/train'
import { atLeast, callable, type Checks, defined, flag, object, text, whole } from '@cola/graph/options'
import type { AdapterConfig } from '../inject/config.ts'
import { readMethod } from '../methods/methods.ts'
import { type OnnxModelOptions, quantizationCheck } from '../onnx/open-options.ts'
import type { Quantization } from '../onnx/quantization.ts'
import { checkKnown } from './check-known.ts'
import { openWith } from './open-with.ts'
import type { ClassTable, SequenceClassificationRow } from '../tasks/text-rows.ts'
import type { RowsOf, Task, TaskType, TaskTypes } from '../tasks/task.ts'

/** Options of the training loop, which the Trainer defines. */
type TrainingOptions<T extends TaskType> = LoopOptions<TaskTypes[T]['example'], TaskTypes[T]['prediction']>

/** Rows that were scored, for `compute_metrics`. @typeParam T The task. */
export interface ScoredRows<T extends TaskType> {
  /** One a row, as `evaluate` gives them: logits of a classifier, tags, embeddings, losses of tokens. */
  predictions: readonly TaskTypes[T]['prediction'][]
  /** With their labels; those of a table have the names of their classes. */
  rows: readonly TaskTypes[T]['row'][]
  /** Their tokens, with labels in the form of the loss, such as the index of the class as `target`. */
  examples: readonly TaskTypes[T]['example'][]
  /** The scores of the task. */
  metrics: Metrics
  /** Mean loss of the rows. */
  loss: number
  /** Reports a warning, such as a score that is undefined. */
  onWarning: (message: string) => void
}

/** Computes scores of one's own. @typeParam T The task. */
export type ComputeMetrics<T extends TaskType = 'SEQ_CLS'> = (scored: ScoredRows<T>) => Metrics | Promise<Metrics>

/** Options of every task. */
export interface CommonOptions<T extends TaskType> extends TrainingOptions<T> {
  /** PEFT's task_type. @default 'SEQ_CLS' */
  task?: T
  /** Training rows, in the form of the task; for SEQ_CLS a table too, such as `readTable` of @cola/data gives. */
  train: RowsOf<TaskTypes[T]>
  /** A share of `train`, above 0 and below 1, chosen by the seed; or rows, or a table. @default none */
  validation?: number | RowsOf<TaskTypes[T]>
  /**
   * The adapter; PEFT's fields, `peft_type` for another method than LoRA; its `task_type` is that of `task`.
   * @default { r: 8, lora_alpha: 16, target_modules: 'all-linear' }
   */
  lora?: AdapterConfig
  /**
   * An adapter to go on from, PEFT's or one that was saved here, with its own configuration in place of `lora`; PEFT's
   * `from_pretrained` with `is_trainable`. The start token, end token and chat template that were saved with it stay,
   * where no option names others. @default a new adapter
   */
  adapter?: Source
  /** Number of epochs; `max_steps` takes its place. @default 4 */
  epochs?: number
  /** Rows of a training step. @default 16; 8 for language models */
  batch_size?: number
  /** Rows of a batch in evaluation. @default 64; 8 for language models */
  eval_batch_size?: number
  /** Peak learning rate. @default 1e-3 */
  learning_rate?: number
  /** Steps of warm-up; below 1, a share of all steps, and none where that is less than a step. @default 0.06 */
  warmup?: number
  /** `random`, or batches of rows of like length. @default 'group_by_length' */
  train_sampling_strategy?: SamplingStrategy
  /**
   * Score of the validation rows that decides the best epoch, or `loss`.
   * @default 'loss' for fewer than 200 validation rows; else the task's: mcc, f1_micro, pearson, f1, accuracy, ...
   */
  metric_for_best_model?: string
  /**
   * Scores of one's own beside the task's, in place of those of the same name; for validation rows after each epoch, for
   * training rows where the task scores them, and in `evaluate`. Tried on the first rows before the training.
   * `metric_for_best_model` may name one. It is not saved: `loadFineTuned` takes it again. @default none
   */
  compute_metrics?: ComputeMetrics<T>
  /** Longest input in tokens; longer ones are cut and counted. @default the model's */
  max_length?: number
  /** AdamW's decoupled weight decay. @default 0.01 */
  weight_decay?: number
  /** Greatest joint L2 norm of the gradients. @default 1 */
  max_grad_norm?: number
  /** @default 'cpu' in Node, 'wasm' in a browser */
  device?: Device
  /**
   * How frozen matrices are held and multiplied while training: `int8` is faster on cpu and wasm, `float16` takes half of
   * their memory on a GPU that has it. @default 'float32'
   */
  frozenProducts?: FrozenProducts
  /** Compute activations again for the backward pass: less memory, a third to a half more time. @default false */
  gradient_checkpointing?: boolean
  /**
   * Quantize the frozen linear layers of the base when it is opened (QLoRA): a quarter of their memory or less; null:
   * not. @default none; with `adapter`, as in its training
   */
  quantization?: Quantization | null
  /** How the base model is found: ONNX file, revision, cache. @default those of openOnnxModel */
  open?: OnnxModelOptions
}

/** The option that names the classes of texts, from which TypeScript infers them. */
export interface NamedClasses<T extends TaskType, N extends Label> {
  labels?: readonly N[] & (T extends 'SEQ_CLS' | 'TOKEN_CLS' ? unknown : never)
}

/** Rows whose labels are indices of the classes that the option labels names. */
type IndexedRows = readonly SequenceClassificationRow<number>[]

/** Rows and tables from which TypeScript infers the names of the classes, where the option labels names none. */
type RowsOfClasses<T extends TaskType, L extends Label> = T extends 'SEQ_CLS'
  ? { train: readonly SequenceClassificationRow<L>[] | IndexedRows | ClassTable<L> | ClassTable }
  : unknown

/**
 * Options of {@link fineTune}.
 * @typeParam L Labels of the rows.
 * @typeParam N Names of the classes of texts, by the option labels, else by the rows.
 */
export type FineTuneOptions<
  T extends TaskType = 'SEQ_CLS',
  L extends Label = Label,
  N extends Label = L,
> = CommonOptions<T> & TaskTypes[T]['options'] & RowsOfClasses<T, L> & NamedClasses<T, N>

/** Defaults for tables of a hundred to ten thousand rows, measured on three different ones. */
export const trainingDefaults = {
  epochs: 4,
  batch_size: 16,
  eval_batch_size: 64,
  learning_rate: 1e-3,
  lr_scheduler_type: 'linear',
  warmup: 0.06,
  train_sampling_strategy: 'group_by_length',
  seed: 42,
} as const satisfies Partial<TrainerOptions<never>>

type GeneralOptions = Omit<CommonOptions<'SEQ_CLS'>, keyof TrainingOptions<'SEQ_CLS'>>

/** Whether a value can be a source of files, or a model that is open. */
export const isSource = (value: unknown): boolean => text[1](value) || object[1](value) || Array.isArray(value)

const checks: Checks<GeneralOptions> = {
  task: text,
  train: ['an array of rows, as readRecords gives, or a table of readTable', Array.isArray],
  validation: ['a number above 0 and below 1, or an array of rows', (value) => isShare(value) || Array.isArray(value)],
  lora: object,
  adapter: ['a folder, a name on the hub, an address or files', isSource],
  compute_metrics: callable,
  max_length: whole(1),
  weight_decay: atLeast(0),
  max_grad_norm: atLeast(0),
  device: text,
  frozenProducts: text,
  gradient_checkpointing: flag,
  quantization: quantizationCheck,
  open: object,
}

const isShare = (value: unknown): boolean => typeof value === 'number' && value > 0 && value < 1

/** The options of a run, grouped by the part that uses them. */
export interface ReadOptions<T extends TaskType> {
  taskOptions: TaskTypes[T]['options']
  lora: AdapterConfig
  adapter: Source | undefined
  compute_metrics: ComputeMetrics<T> | undefined
  optimizer: AdamOptions
  training: TrainingOptions<T> & { seed: number; batch_size: number; eval_batch_size: number }
  device: Device
  frozenProducts: FrozenProducts
  gradientCheckpointing: boolean
  max_length: number
  open: OnnxModelOptions
}

/**
 * Checks the options, groups them and fills in the defaults.
 * @param task Its name, the checks of its options, and its batch sizes.
 * @throws {ConfigError} for an option that is unknown, or out of its range.
 */
export async function readOptions<T extends TaskType>(
  options: FineTuneOptions<T>,
  { taskType, options: taskChecks, batchSizes }: Pick<Task<TaskTypes[T]>, 'taskType' | 'options' | 'batchSizes'>,
): Promise<ReadOptions<T>> {
  const present = Object.entries(defined(options))
  const part = (holds: (name: string) => boolean) => Object.fromEntries(present.filter(([name]) => holds(name)))
  for (const name of ['train', 'validation'] as const)
    if (object[1](options[name])) (await import('./rows-by-column.ts')).refuseColumns(name, options[name])
  const allChecks = { ...checks, ...loopChecks, ...taskChecks }
  await checkKnown('fineTune', Object.fromEntries(present), allChecks, 'ofTraining')
  const general = part((name) => Object.hasOwn(checks, name)) as Partial<GeneralOptions>
  const taskOptions = part((name) => Object.hasOwn(taskChecks, name))
  const loop = part((name) => Object.hasOwn(loopChecks, name))
  checkLoopOptions('fineTune', loop, {
    evaluationRows: Array.isArray(general.validation)
      ? general.validation.length
      : Number(general.validation !== undefined),
    lengths: true,
    scores: true,
    names: { evaluation: 'validation', lengths: 'train', scores: 'train' },
  })
  if (general.lora && general.adapter !== undefined) throw (await import('./two-configurations.ts')).twoConfigurations()
  const { weight_decay = 0.01, max_grad_norm = 1 } = general
  const given = (general.lora?.task_type ?? taskType) as TaskType
  if (given !== taskType) throw (await import('./two-configurations.ts')).twoTasks(given, taskType)
  const { suggested } = readMethod(general.lora, 'fineTune, option lora')
  return {
    taskOptions: taskOptions as TaskTypes[T]['options'],
    lora: { ...suggested, ...defined(general.lora ?? {}) } as AdapterConfig,
    adapter: general.adapter,
    compute_metrics: general.compute_metrics as ComputeMetrics<T> | undefined,
    optimizer: { weight_decay, max_grad_norm },
    training: { ...trainingDefaults, ...batchSizes, ...loop },
    device: general.device ?? defaultDevice(),
    frozenProducts: general.frozenProducts ?? 'float32',
    gradientCheckpointing: general.gradient_checkpointing ?? false,
    max_length: general.max_length ?? Number.POSITIVE_INFINITY,
    open: await openWith('fineTune', general.open, general.quantization),
  }
}
