// The interface of a task: everything that differs between fine-tuning a classifier, a tagger, an embedding and a
// language model.

import type { Label, RowsByName } from '@cola/data'
import type { Loss, Model } from '@cola/graph'
import type { Batch, Device, Metrics, StepResult } from '@cola/train'
import type { Checks } from '@cola/graph/options'
import type { AdaptedModel } from '../inject/adapted-model.ts'
import type { BaseModel } from '../load/base-model.ts'
import type { CausalLanguageModelTypes } from './causal-language-model.ts'
import type { SentenceEmbeddingTypes } from './sentence-embedding.ts'
import type { SequenceClassificationTypes } from './sequence-classification.ts'
import type { TokenClassificationTypes } from './token-classification.ts'

/** The types that a task defines. */
export interface TypesOfTask {
  /** One example, as the user writes it. */
  row: object
  /** A table, which may be given in place of rows; never, where the task takes rows alone. */
  table: object
  /** Options of the task beside the common ones. */
  options: object
  /** JSON that is saved with the adapter and is all that the later parts need. */
  settings: object
  /** A row as token ids with its labels. */
  example: { readonly input_ids: readonly number[] }
  /** The prediction for one example, as JSON. */
  prediction: unknown
  /** Methods of the fine-tuned model. */
  serving: object
}

/** Rows of a task, or a table of them. */
export type RowsOf<T extends TypesOfTask> = readonly T['row'][] | T['table']

/**
 * Every task under PEFT's `task_type`. A task without its types, or without its row in the table, does not compile.
 * @typeParam L Names of the classes of texts.
 */
export interface TaskTypes<L extends Label = Label> {
  SEQ_CLS: SequenceClassificationTypes<L>
  FEATURE_EXTRACTION: SentenceEmbeddingTypes
  TOKEN_CLS: TokenClassificationTypes
  CAUSAL_LM: CausalLanguageModelTypes
}

/** Names of tasks: PEFT's `task_type`. */
export type TaskType = keyof TaskTypes

/** What scores may need beside predictions. */
export interface ScoreContext {
  /** Mean loss of the examples. */
  loss: number
  /** Told of a score that is undefined, which is 0, and of what else one should look at. */
  onWarning: (message: string) => void
}

/** Examples made of rows, and how many of them were cut to the model's longest input. */
export interface Encoded<Example> {
  examples: Example[]
  truncated: number
  /** Places of the rows, from 0, of which no token is left to learn. @default none */
  unlearned?: readonly number[]
}

/** How rows become tokens. */
export interface EncodeContext {
  base: BaseModel
  /** Longest input in tokens. */
  max_length: number
}

/** What is freed with the fine-tuned model. */
export interface Releasable {
  /** Frees its session. */
  readonly release: () => Promise<void>
}

/** What a model that serves has beside its predictions. */
export interface ServeContext extends EncodeContext {
  /** Token of a text without tokens. */
  pad_token_id: number
  device: Device
  /** The model with its trained adapter. */
  adapted: () => Promise<AdaptedModel>
  /**
   * Opens something when it is first asked for, which is released with the model.
   * @returns A function that gives it. @throws {SessionError} when the model has been released.
   */
  lazily: <R extends Releasable>(open: () => Promise<R>) => () => Promise<R>
  /** @throws {SessionError} when the model has been released. */
  requireOpen: () => void
  /** Told of what one should look at, such as texts that were cut. */
  onWarning: (message: string) => void
}

/** What an export has more than the trained model. */
export interface ExportedExtras {
  /** The base with all outputs; it gets the trained weights. */
  model: Model
  /** Further JSON files by path, relative to the folder. */
  files: Readonly<Record<string, unknown>>
}

/** The batches that a loss is for. */
export interface LossContext<Example> {
  base: BaseModel
  /** Examples that are known already. */
  examples: readonly Example[]
  /** Rows of a batch. */
  batch_size: number
}

/** Runs texts through the model, in batches, gives a prediction for each, in order, and warns of those that were cut. */
export type Predict<T extends TypesOfTask> = (texts: Encoded<T['example']>) => Promise<T['prediction'][]>

/** A row of the table of tasks. */
export interface Task<T extends TypesOfTask> {
  /** PEFT's `task_type`. */
  readonly taskType: TaskType
  /** Checks of the task's own options. */
  readonly options: Checks<T['options']>
  /** Checks of the settings, for those that were saved. */
  readonly saved: Checks<T['settings']>
  /**
   * Checks rows and options, and finds what they imply, such as the classes.
   * @param batch_size Rows of a training batch, for losses that compare them.
   * @param trained Classes of the adapter that training goes on from.
   * @throws {DataError | ConfigError} naming the row and the field.
   */
  readonly settings: (
    rows: readonly T['row'][],
    options: T['options'],
    base: BaseModel,
    batch_size: number,
    trained?: readonly string[],
  ) => Promise<T['settings']>
  /** Whether labels are classes, each of which gives its share to validation. @default true */
  readonly stratify?: (settings: T['settings']) => boolean
  /**
   * What of the rows may not be meant, to warn of.
   * @param given The rows as they were given, whose places one can find.
   * @default nothing
   */
  readonly doubts?: (
    rows: Readonly<Record<'train' | 'validation', readonly T['row'][]>>,
    settings: T['settings'],
    options: T['options'],
    given: RowsByName<T['row']>,
  ) => Promise<string[]>
  /**
   * Settings of a run that goes on from one of the same task: those of before, where no option says otherwise.
   * @default none is taken over
   */
  readonly continued?: (settings: T['settings'], options: T['options'], before: T['settings']) => T['settings']
  /** The base model with the task's outputs. @throws {ConfigError} for a base without what the task needs. */
  readonly head: (base: BaseModel, settings: T['settings'], seed: number) => Model
  /**
   * Rows as token ids.
   * @param context `where` names the rows in errors: `train`, `validation`.
   * @throws {DataError} naming the row and the field.
   */
  readonly encode: (
    rows: readonly T['row'][],
    settings: T['settings'],
    context: EncodeContext & { where: string },
  ) => Encoded<T['example']>
  /** What the task adds to an exported config.json: architecture, classes, problem type. */
  readonly config: (settings: T['settings'], base: BaseModel) => Readonly<Record<string, unknown>>
  /** What an export has more than the trained model. @default nothing */
  readonly exported?: (settings: T['settings'], base: BaseModel) => ExportedExtras
  /** Whether the model generates: its export has the cache of its file. @default false */
  readonly generates?: boolean
  /** Makes batches for the graph that `head` made; what has no labels is ignored by the loss. */
  readonly collate: (
    base: BaseModel,
    model: Model,
    settings: T['settings'],
  ) => (examples: readonly T['example'][]) => Batch
  /** The loss that training minimizes. */
  readonly loss: (settings: T['settings'], batches: LossContext<T['example']>) => Loss
  /** The loss of evaluation, with the outputs that `predict` reads. @default `loss` */
  readonly evalLoss?: (settings: T['settings'], batches: LossContext<T['example']>) => Loss
  /**
   * One prediction an example, from the outputs of its batch.
   * @param starts Gives the place of each example's first token in the flattened rows of the batch.
   */
  readonly predict: (
    outputs: StepResult['outputs'],
    examples: readonly T['example'][],
    settings: T['settings'],
    starts: () => readonly number[],
  ) => T['prediction'][]
  /** Scores of examples whose predictions are known. */
  readonly scores: (
    predictions: readonly T['prediction'][],
    examples: readonly T['example'][],
    settings: T['settings'],
    context: ScoreContext,
  ) => Metrics | Promise<Metrics>
  /** Metric that decides the best epoch, by default. */
  readonly metricForBestModel: (settings: T['settings']) => string
  /** Rows of a batch where no option says it, for tasks whose outputs are large. @default 16 and 64 */
  readonly batchSizes?: { readonly batch_size: number; readonly eval_batch_size: number }
  /** Whether the training examples are scored too, from the outputs of the training steps. */
  readonly scoresTraining: boolean
  /** What the fine-tuned model offers, by its predictions. */
  readonly serve: (predict: Predict<T>, settings: T['settings'], context: ServeContext) => T['serving']
}
