// Fingerprint of a run: the artifacts, the rows and the options, which must be equal when a run is resumed. Epochs that
// were judged by other evaluation rows cannot be held against new ones.

import { sha256 } from '../files/node.ts'
import type { Settings } from './trainer-options.ts'

/** Lets JSON.stringify write the bigints of rows. */
const writeBigInt = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value)

const lines = (rows: readonly unknown[]): string[] => rows.map((row) => `${JSON.stringify(row, writeBigInt)}\n`)

/** The options that a run depends on. */
const optionsOf = <Row, Prediction>(options: Omit<Settings<Row, Prediction>, 'session' | 'data'>) => ({
  epochs: options.max_steps === undefined ? options.epochs : undefined,
  batch_size: options.batch_size,
  learning_rate: options.learning_rate,
  lr_scheduler_type: options.lr_scheduler_type,
  warmup: options.warmup,
  gradient_accumulation_steps: options.gradient_accumulation_steps,
  seed: options.seed,
  train_sampling_strategy: options.train_sampling_strategy,
  metric_for_best_model: options.metric_for_best_model,
  greater_is_better: options.greater_is_better,
  ...(options.max_steps === undefined ? {} : { max_steps: options.max_steps }),
})

/** What a run depends on, part by part: hashes, and the options. */
export interface RunParts {
  readonly model: string
  readonly train: string
  readonly evaluation: string
  readonly options: Readonly<Record<string, unknown>>
}

/** The rows of a run as lines. */
const linesOf = <Row, Prediction>({ train, evaluation = [] }: Settings<Row, Prediction>['data']) => ({
  train: lines(train),
  evaluation: lines(evaluation),
})

const fingerprintOf = (model: string, options: object, { train, evaluation }: ReturnType<typeof linesOf>): string =>
  sha256([model, JSON.stringify(Object.values(options)), ...train, 'evaluation\n', ...evaluation])

/**
 * SHA-256 of what a run depends on.
 * @param model Fingerprint of the artifacts.
 */
export const runFingerprint = <Row, Prediction>(
  model: string,
  { data, ...options }: Omit<Settings<Row, Prediction>, 'session'>,
): string => fingerprintOf(model, optionsOf(options), linesOf(data))

/**
 * The fingerprint of a run, and its parts.
 * @param model Fingerprint of the artifacts.
 */
export function runIdentity<Row, Prediction>(
  model: string,
  { data, ...settings }: Omit<Settings<Row, Prediction>, 'session'>,
): { fingerprint: string; parts: RunParts } {
  const [options, rows] = [optionsOf(settings), linesOf(data)]
  return {
    fingerprint: fingerprintOf(model, options, rows),
    parts: { model, train: sha256(rows.train), evaluation: sha256(rows.evaluation), options },
  }
}
