// What a Trainer is told, under the names of transformers' TrainingArguments, and what is refused before the first
// step.

import { ConfigError, FeedError } from '../errors.ts'
import { scheduleNames, type ScheduleName } from '../optim/schedule.ts'
import {
  atLeast,
  callable,
  type Check,
  type Checks,
  checkOptions,
  checkValue,
  flag,
  integer,
  list,
  object,
  oneOf,
  text,
  whole,
} from '../options.ts'
import type { Batch } from '../session/feeds.ts'
import { lossCounts } from '../session/means.ts'
import type { StepResult } from '../session/result.ts'
import type { TrainableSession } from '../session/training-session.ts'
import { greaterIsBetter, isLoss } from './best.ts'
import type { Callbacks, Metrics } from './callbacks.ts'
import { samplingStrategies, type SamplingStrategy } from './order.ts'

/** Rows and how to make batches of them. */
export interface TrainerData<Row> {
  train: readonly Row[]
  /** Evaluated after each epoch. @default none */
  evaluation?: readonly Row[]
  /** Turns rows into the model's inputs. */
  collate: (rows: readonly Row[]) => Batch
  /** Real tokens of a row: for the speed in the log, and for batches of like length. */
  tokens?: (row: Row) => number
}

/** What `compute_metrics` is told of rows. */
export interface EvalPrediction<Row, Prediction> {
  /** What `predict` made of each row, in order; none without `predict`. */
  predictions: readonly Prediction[]
  rows: readonly Row[]
  /** Mean loss of the rows. */
  loss: number
  /** Tells the run's caller of a score that is undefined, or of another thing to look at. */
  onWarning: (message: string) => void
}

/** Makes a prediction for each row of a batch, from the model's outputs; JSON values, which checkpoints keep. */
export type RowPredictor<Row, Prediction> = (
  outputs: StepResult['outputs'],
  rows: readonly Row[],
) => readonly Prediction[]

export interface TrainerOptions<Row, Prediction = unknown> {
  session: TrainableSession
  data: TrainerData<Row>
  /** @default 3 */
  epochs?: number
  /** @default 8 */
  batch_size?: number
  /** The evaluation loss does not depend on it. @default batch_size */
  eval_batch_size?: number
  /** Peak learning rate. @default 5e-5 */
  learning_rate?: number
  /** @default 'linear' */
  lr_scheduler_type?: ScheduleName
  /** Steps of warm-up, or a share of all steps when below 1. @default 0 */
  warmup?: number
  /**
   * Batches for one optimizer step, which takes the gradient of the mean over all their rows (labels, for language
   * models): as one large batch. @default 1
   */
  gradient_accumulation_steps?: number
  /** Seed of the data order. @default 42 */
  seed?: number
  /**
   * `group_by_length` makes batches of rows of like length (data.tokens says it), for models that pad. @default
   * 'random'
   */
  train_sampling_strategy?: SamplingStrategy
  /** What the model says of each row, for `compute_metrics`. @default nothing */
  predict?: RowPredictor<Row, Prediction>
  /**
   * Scores of the evaluation rows and of the training rows. Called once before training, on one batch, to learn the
   * names.
   */
  compute_metrics?: (evaluation: EvalPrediction<Row, Prediction>) => Metrics
  /** Whether the training rows are scored, by what the training steps predict. @default true */
  train_metrics?: boolean
  /**
   * Metric that decides the best epoch: `loss`, the evaluation loss (the training loss without evaluation rows), or one
   * of `compute_metrics`; with or without transformers' `eval_` in front. An epoch whose metric is NaN is never the
   * best, and takes no patience. @default 'loss'
   */
  metric_for_best_model?: string
  /** @default false where the metric's name ends in `loss`, true otherwise */
  greater_is_better?: boolean
  /** Stop after this many epochs without a better one; needs evaluation rows. @default never */
  early_stopping_patience?: number
  /** Put the best epoch's weights back at the end. @default true */
  load_best_model_at_end?: boolean
  /** Folder for checkpoint.safetensors, best.safetensors and log.jsonl. @default none is written */
  output_dir?: string
  /** Optimizer steps between checkpoints, beside those at the end of each epoch. @default none */
  save_steps?: number
  /**
   * Go on from output_dir's checkpoint, if there is one; a run that has ended trains no further step and gives its
   * result again. @default false
   */
  resume?: boolean
  /**
   * Further inputs of a training step: weights of a loss that change, for instance. `step` counts from 0. @default none
   */
  step_inputs?: (step: { step: number; total_steps: number }) => Batch
  /** Stops the run after the step under way, with a checkpoint. */
  signal?: AbortSignal
  callbacks?: Callbacks
}

/** The options that are the loop's alone: what a call that makes session, rows and scores itself passes on. */
export type LoopOptions<Row, Prediction = unknown> = Omit<
  TrainerOptions<Row, Prediction>,
  'session' | 'data' | 'predict' | 'compute_metrics' | 'step_inputs'
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

const warmup: Check = [
  'a share of all steps below 1, or a whole number of steps',
  (value) => atLeast(0)[1](value) && ((value as number) < 1 || Number.isInteger(value)),
]

/** A check for each option of the loop. */
export const loopChecks: Checks<LoopOptions<never, never>> = {
  epochs: whole(1),
  batch_size: whole(1),
  eval_batch_size: whole(1),
  learning_rate: atLeast(0),
  lr_scheduler_type: oneOf(scheduleNames),
  warmup,
  gradient_accumulation_steps: whole(1),
  seed: integer,
  train_sampling_strategy: oneOf(samplingStrategies),
  train_metrics: flag,
  metric_for_best_model: text,
  greater_is_better: flag,
  early_stopping_patience: whole(1),
  load_best_model_at_end: flag,
  output_dir: text,
  save_steps: whole(1),
  resume: flag,
  signal: object,
  callbacks: object,
}
const checks: Checks<TrainerOptions<never, never>> = {
  session: object,
  data: object,
  ...loopChecks,
  predict: callable,
  compute_metrics: callable,
  step_inputs: callable,
}
const dataChecks: Checks<TrainerData<never>> = { train: list, evaluation: list, collate: callable, tokens: callable }
const callbackChecks: Checks<Callbacks> = {
  onTrainBegin: callable,
  onStep: callable,
  onEpoch: callable,
  onWarning: callable,
  onSave: callable,
  onTrainEnd: callable,
}

/**
 * Options with their defaults.
 * @throws {ConfigError} for an option that is unknown, out of its range, or in contradiction to another.
 * @throws {FeedError} for rows that cannot be trained on: none, or with a label that is no class.
 */
export function readOptions<Row, Prediction>(options: TrainerOptions<Row, Prediction>): Settings<Row, Prediction> {
  checkOptions('Trainer', options, checks)
  checkValue('Trainer, option session', options.session, object)
  checkValue('Trainer, option data', options.data, object)
  for (const [name, check] of Object.entries(dataChecks)) {
    const value = options.data[name as keyof typeof options.data]
    if (value !== undefined) checkValue(`Trainer, option data.${name}`, value, check)
  }
  checkValue('Trainer, option data.train', options.data.train, list)
  checkValue('Trainer, option data.collate', options.data.collate, callable)
  checkOptions('Trainer, option callbacks', options.callbacks ?? {}, callbackChecks)
  const given = Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as unknown as TrainerOptions<Row, Prediction>
  const { batch_size = 8, metric_for_best_model = 'loss' } = given
  const settings: Settings<Row, Prediction> = {
    epochs: 3,
    batch_size,
    eval_batch_size: batch_size,
    learning_rate: 5e-5,
    lr_scheduler_type: 'linear',
    warmup: 0,
    gradient_accumulation_steps: 1,
    seed: 42,
    train_sampling_strategy: 'random',
    metric_for_best_model,
    greater_is_better: greaterIsBetter(metric_for_best_model),
    load_best_model_at_end: true,
    train_metrics: true,
    ...given,
  }
  if (settings.data.train.length === 0)
    throw new FeedError({ where: 'data.train', what: 'the dataset is empty', expected: 'at least one row', found: '0' })
  checkRows(settings, 'data.train', settings.data.train)
  checkRows(settings, 'data.evaluation', settings.data.evaluation ?? [])
  refuseContradictions('Trainer', settings, {
    evaluationRows: settings.data.evaluation?.length ?? 0,
    lengths: settings.data.tokens !== undefined,
    scores: settings.compute_metrics !== undefined,
    names: { evaluation: 'data.evaluation', lengths: 'data.tokens', scores: 'compute_metrics' },
  })
  return settings
}

/** @throws {FeedError} naming the first row with a label that is no class of the session's model. */
export function checkRows<Row>(
  { session, data: { collate } }: Pick<Settings<Row, never>, 'session' | 'data'>,
  where: string,
  rows: readonly Row[],
): void {
  if (!session.lossTerms.some((term) => 'labels' in term)) return
  rows.forEach((row, i) => {
    try {
      lossCounts(session.lossTerms, collate([row]))
    } catch (error) {
      if (!(error instanceof FeedError)) throw error
      const { problem } = error
      throw new FeedError({
        ...problem,
        where: `${where}, row ${i + 1}, ${problem.where.replace(/ of the batch|, row 1\b/g, '')}`,
      })
    }
  })
}

/** What a run has beside its options, as far as options depend on it. */
export interface LoopFacts {
  /** Evaluation rows. */
  evaluationRows: number
  /** Whether the lengths of rows are known. */
  lengths: boolean
  /** Whether scores are computed. */
  scores: boolean
  /** What evaluation rows and lengths, scores, are called where the options are given. */
  names: { evaluation: string; lengths: string; scores: string }
}

/**
 * Checks the options of the loop, before anything costly is begun.
 * @param where Names the options in errors.
 * @throws {ConfigError} for an option that is unknown, out of its range, or in contradiction to another.
 */
export function checkLoopOptions(where: string, options: LoopOptions<never>, facts: LoopFacts): void {
  checkOptions(where, options, loopChecks)
  checkOptions(`${where}, option callbacks`, options.callbacks ?? {}, callbackChecks)
  refuseContradictions(where, options, facts)
}

function refuseContradictions(where: string, options: LoopOptions<never>, facts: LoopFacts): void {
  const { metric_for_best_model: metric = 'loss', early_stopping_patience, train_sampling_strategy, resume } = options
  const { evaluationRows, lengths, scores, names } = facts
  const refuse = (option: string, what: string, fix: string) => {
    throw new ConfigError({ where: `${where}, option ${option}`, what, fix })
  }
  if (train_sampling_strategy === 'group_by_length' && !lengths)
    refuse('train_sampling_strategy', 'the lengths of rows are not known', `Give ${names.lengths}.`)
  if (resume && options.output_dir === undefined)
    refuse('resume', 'there is no folder to resume from', 'Give output_dir.')
  if (early_stopping_patience !== undefined && evaluationRows === 0)
    refuse('early_stopping_patience', 'there are no evaluation rows to judge an epoch by', `Give ${names.evaluation}.`)
  if (isLoss(metric)) return
  if (!scores)
    throw new ConfigError({
      where: `${where}, option metric_for_best_model`,
      what: 'no such metric',
      expected: 'loss',
      found: metric,
      fix: `Give ${names.scores}.`,
    })
  if (evaluationRows === 0)
    refuse(
      'metric_for_best_model',
      `there are no evaluation rows to compute "${metric}" of`,
      `Give ${names.evaluation}.`,
    )
}
