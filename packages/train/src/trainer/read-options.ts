// Checks the Trainer's options and rows before the first step, and fills in defaults.

import { isFiles } from '@cola/data'
import { ConfigError, FeedError } from '../errors.ts'
import { scheduleNames } from '../optim/schedule.ts'
import {
  abortSignal,
  atLeast,
  callable,
  type Check,
  type Checks,
  checkOptions,
  checkValue,
  defined,
  flag,
  integer,
  list,
  object,
  oneOf,
  text,
  whole,
} from '@cola/graph/options'
import { lossCounts } from '../session/loss-counts.ts'
import { greaterIsBetter, isLoss } from './best-epoch.ts'
import type { Callbacks } from './callbacks.ts'
import { samplingStrategies } from './epoch-order.ts'
import { pauses } from '../files/pauses.ts'
import type { LoopOptions, Settings, TrainerData, TrainerOptions } from './trainer-options.ts'

const warmup: Check = [
  'a share of all steps below 1, or a whole number of steps',
  (value) => atLeast(0)[1](value) && ((value as number) < 1 || Number.isInteger(value)),
]

const [steps, areSteps] = whole(1)
/** transformers' default is -1. */
const maxSteps: Check = [steps, areSteps, () => 'Leave it out: epochs then says how long the run is.']

/** Checks of the options of the training loop. */
export const loopChecks: Checks<LoopOptions<never, never>> = {
  epochs: whole(1),
  max_steps: maxSteps,
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
  output_dir: [
    'a path, or a store: await directoryStore(handle)',
    (value) => text[1](value) || (isFiles(value) && 'write' in value && typeof value.write === 'function'),
  ],
  save_steps: whole(1),
  resume: flag,
  signal: abortSignal,
  callbacks: object,
}
const checks: Checks<TrainerOptions<never, never>> = {
  session: object,
  data: object,
  ...loopChecks,
  predict: callable,
  compute_metrics: callable,
  stepInputs: callable,
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
 * Checks options and fills in their defaults.
 * @throws {ConfigError} for an option that is unknown, out of its range, or in contradiction to another.
 * @throws {FeedError} for no training rows, or a label that is not a class.
 */
export function readOptions<Row, Prediction>(options: TrainerOptions<Row, Prediction>): Settings<Row, Prediction> {
  checkOptions('Trainer', options, checks)
  checkValue('Trainer, option session', options.session, object)
  checkValue('Trainer, option data', options.data, object)
  // It may have fields that `collate` reads.
  checkOptions('Trainer, option data', options.data, dataChecks, true)
  checkValue('Trainer, option data.train', options.data.train, list)
  checkValue('Trainer, option data.collate', options.data.collate, callable)
  checkOptions('Trainer, option callbacks', options.callbacks ?? {}, callbackChecks)
  const { batch_size = 8, metric_for_best_model = 'loss', data } = options
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
    load_best_model_at_end: (data.evaluation?.length ?? 0) > 0,
    train_metrics: true,
    ...defined(options),
  }
  if (settings.data.train.length === 0)
    throw new FeedError({ where: 'data.train', what: 'the dataset is empty', expected: 'at least one row', found: '0' })
  refuseContradictions('Trainer', settings, {
    evaluationRows: settings.data.evaluation?.length ?? 0,
    lengths: settings.data.tokens !== undefined,
    scores: settings.compute_metrics !== undefined,
    names: { evaluation: 'data.evaluation', lengths: 'data.tokens', scores: 'compute_metrics' },
  })
  return settings
}

/**
 * Checks the labels of rows.
 * @throws {FeedError} naming the first row with a label that is not a class of the session's model.
 */
export async function checkRows<Row>(
  { session, data: { collate } }: Pick<Settings<Row, never>, 'session' | 'data'>,
  where: string,
  rows: readonly Row[],
): Promise<void> {
  if (!session.lossTerms.some((term) => 'labels' in term)) return
  const pause = pauses()
  for (const [i, row] of rows.entries()) {
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
    await pause()
  }
}

/** Properties of a run's data that the options of the loop depend on. */
export interface LoopFacts {
  /** Number of evaluation rows. */
  evaluationRows: number
  /** Whether the lengths of rows are known. */
  lengths: boolean
  /** Whether scores are computed. */
  scores: boolean
  /** Names of the options for evaluation rows, lengths and scores, for errors. */
  names: { evaluation: string; lengths: string; scores: string }
}

/**
 * Checks the options of the loop, for callers that check before they open a model.
 * @param where Names the options in errors.
 * @throws {ConfigError} for an option that is unknown, out of its range, or in contradiction to another.
 */
export function checkLoopOptions(where: string, options: LoopOptions<never>, facts: LoopFacts): void {
  checkOptions(where, options, loopChecks)
  checkOptions(`${where}, option callbacks`, options.callbacks ?? {}, callbackChecks)
  refuseContradictions(where, options, facts)
}

function refuseContradictions(where: string, options: LoopOptions<never>, facts: LoopFacts): void {
  const { metric_for_best_model: metric = 'loss', early_stopping_patience, train_sampling_strategy } = options
  const { evaluationRows, lengths, scores, names } = facts
  const refuse = (option: string, what: string, fix: string) => {
    throw new ConfigError({ where: `${where}, option ${option}`, what, fix })
  }
  if (train_sampling_strategy === 'group_by_length' && !lengths)
    refuse('train_sampling_strategy', 'the lengths of rows are not known', `Give ${names.lengths}.`)
  for (const name of ['resume', 'save_steps'] as const)
    if (options[name] && options.output_dir === undefined)
      refuse(name, 'there is no folder of checkpoints', 'Give output_dir.')
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
