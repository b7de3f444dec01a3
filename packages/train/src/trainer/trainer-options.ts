// Options of the Trainer, named after transformers' TrainingArguments.

import type { FileStore } from '@cola/data'
import type { ScheduleName } from '../optim/schedule.ts'
import type { Batch } from '../session/feeds.ts'
import type { StepResult } from '../session/step-result.ts'
import type { TrainableSession } from '../session/training-session.ts'
import type { Callbacks, Metrics } from './callbacks.ts'
import type { SamplingStrategy } from './epoch-order.ts'

/** Rows, and how batches are made of them. */
export interface TrainerData<Row> {
  train: readonly Row[]
  /** Rows that are evaluated after each epoch. @default none */
  evaluation?: readonly Row[]
  /** Turns rows into the model's inputs. */
  collate: (rows: readonly Row[]) => Batch
  /** Number of tokens of a row without padding: for the speed in the log, and for batches of similar length. */
  tokens?: (row: Row) => number
}

/** Argument of `compute_metrics`. */
export interface EvalPrediction<Row, Prediction> {
  /** Predictions of the rows, in order; empty without `predict`. */
  predictions: readonly Prediction[]
  rows: readonly Row[]
  /** Mean loss of the rows. */
  loss: number
  /** Reports a warning to the run's caller, such as a score that is undefined. */
  onWarning: (message: string) => void
}

/** Computes a prediction of each row of a batch from the model's outputs: JSON values, which checkpoints store. */
export type RowPredictor<Row, Prediction> = (
  outputs: StepResult['outputs'],
  rows: readonly Row[],
) => readonly Prediction[]

/** Options of {@link Trainer}, with the names of transformers' TrainingArguments where it has them. */
export interface TrainerOptions<Row, Prediction = unknown> {
  session: TrainableSession
  data: TrainerData<Row>
  /** @default 3 */
  epochs?: number
  /**
   * Optimizer steps of the run in place of `epochs`, which has no effect beside it: the rows are passed over as often as
   * needed, and the epoch that the last step is in ends there, with its evaluation. @default those of `epochs`
   */
  max_steps?: number
  /** @default 8 */
  batch_size?: number
  /** Has no influence on the evaluation loss. @default batch_size */
  eval_batch_size?: number
  /** Peak learning rate. @default 5e-5 */
  learning_rate?: number
  /** @default 'linear' */
  lr_scheduler_type?: ScheduleName
  /** Warm-up steps; below 1, a share of all steps, and none where that is less than a step. @default 0 */
  warmup?: number
  /**
   * Batches per optimizer step. The step uses the gradient of the mean over all their rows (for language models, their
   * labels), as one large batch would. @default 1
   */
  gradient_accumulation_steps?: number
  /** Seed of the data order. @default 42 */
  seed?: number
  /**
   * `group_by_length` makes batches of rows of similar length (from data.tokens), for models that pad.
   * @default 'random'
   */
  train_sampling_strategy?: SamplingStrategy
  /** Predictions of rows from the model's outputs, for `compute_metrics`. @default no predictions */
  predict?: RowPredictor<Row, Prediction>
  /** Scores of the evaluation rows and of the training rows. Called on one batch before training, for the names. */
  compute_metrics?: (evaluation: EvalPrediction<Row, Prediction>) => Metrics | Promise<Metrics>
  /** Whether the predictions of training steps are scored. @default true */
  train_metrics?: boolean
  /**
   * Metric that decides the best epoch: `loss`, the evaluation loss (the training loss without evaluation rows), or one
   * of `compute_metrics`; with or without transformers' prefix `eval_`. An epoch whose metric is NaN is never the best,
   * and does not count for early stopping. @default 'loss'
   */
  metric_for_best_model?: string
  /** @default false if the metric's name ends in `loss`, true otherwise */
  greater_is_better?: boolean
  /** Stop after this many epochs without a better one; needs evaluation rows. @default never */
  early_stopping_patience?: number
  /**
   * Restore the best epoch's weights at the end. @default true with evaluation rows; without them false, because an
   * epoch's training loss is that of the weights before and during it
   */
  load_best_model_at_end?: boolean
  /** Folder or store for checkpoint.safetensors, best.safetensors and log.jsonl. @default no files are written */
  output_dir?: string | FileStore
  /** Optimizer steps between checkpoints, in addition to those at the end of each epoch; needs output_dir. @default none */
  save_steps?: number
  /**
   * Continue from the checkpoint in output_dir, if there is one. A finished run trains no further step and returns its
   * result again. @default false
   */
  resume?: boolean
  /**
   * Further inputs of a training step, such as loss weights that change. `step` counts from 0. @default none
   */
  stepInputs?: (step: { step: number; total_steps: number }) => Batch
  /** Stops the run after the current step, with a checkpoint. @default none */
  signal?: AbortSignal
  callbacks?: Callbacks
}

/** The options of the training loop, for functions such as `fineTune` that make session, rows and scores themselves. */
export type LoopOptions<Row, Prediction = unknown> = Omit<
  TrainerOptions<Row, Prediction>,
  'session' | 'data' | 'predict' | 'compute_metrics' | 'stepInputs'
>

type Defaults =
  | 'epochs'
  | 'batch_size'
  | 'eval_batch_size'
  | 'learning_rate'
  | 'lr_scheduler_type'
  | 'warmup'
  | 'gradient_accumulation_steps'
  | 'seed'
  | 'train_sampling_strategy'
  | 'metric_for_best_model'
  | 'greater_is_better'
  | 'load_best_model_at_end'
  | 'train_metrics'

/** The options with their defaults. */
export type Settings<Row, Prediction> = TrainerOptions<Row, Prediction> &
  Required<Pick<TrainerOptions<Row, Prediction>, Defaults>>
