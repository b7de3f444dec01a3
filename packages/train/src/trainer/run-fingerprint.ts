// Fingerprint of a run: the artifacts, the rows and the options, which must be equal when a run is resumed. Epochs that
// were judged by other evaluation rows cannot be held against new ones.

import { sha256 } from '../files/node.ts'
import type { Settings } from './trainer-options.ts'

/** Lets JSON.stringify write the bigints of rows. */
const writeBigInt = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value)

/**
 * SHA-256 of what a run depends on.
 * @param model Fingerprint of the artifacts.
 */
export function runFingerprint<Row, Prediction>(
  model: string,
  { data, ...options }: Omit<Settings<Row, Prediction>, 'session'>,
): string {
  const values = [
    options.epochs,
    options.batch_size,
    options.learning_rate,
    options.lr_scheduler_type,
    options.warmup,
    options.gradient_accumulation_steps,
    options.seed,
    options.train_sampling_strategy,
    options.metric_for_best_model,
    options.greater_is_better,
  ]
  const lines = (rows: readonly Row[]) => rows.map((row) => `${JSON.stringify(row, writeBigInt)}\n`)
  const rows = [...lines(data.train), 'evaluation\n', ...lines(data.evaluation ?? [])]
  return sha256([model, JSON.stringify(values), ...rows])
}
