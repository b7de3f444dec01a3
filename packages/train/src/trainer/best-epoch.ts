// Compares epochs by a metric, as transformers does: the best epoch, and the epochs since then for early stopping.

import { requireKind } from '@cola/graph/door'
import { closestValue } from '@cola/graph/options'
import { ConfigError } from '../errors.ts'
import type { EpochLog, Metrics } from './callbacks.ts'
import type { BestEpoch } from './checkpoint.ts'

/** A metric's name without transformers' prefix `eval_`. */
const withoutPrefix = (name: string): string => name.replace(/^eval_/, '')

/** Whether a metric, by its name, is the loss. */
export const isLoss = (name: string): boolean => {
  requireKind('name of a metric', name, 'text')
  return withoutPrefix(name) === 'loss'
}

/** transformers' default: lower is better for names that end in `loss`. */
export const greaterIsBetter = (name: string): boolean => !name.endsWith('loss')

/** A metric's value. @throws {ConfigError} when there is no metric of this name, or it is not a number. */
export function metricOf(name: string, loss: number, metrics: Metrics): number {
  if (isLoss(name)) return loss
  const key = Object.keys(metrics).find((metric) => withoutPrefix(metric) === withoutPrefix(name))
  const value = key === undefined ? undefined : metrics[key]
  if (typeof value !== 'number')
    throw new ConfigError({
      where: 'Trainer, option metric_for_best_model',
      what: key === undefined ? 'no such metric' : 'the metric is no number',
      expected: key === undefined ? ['loss', ...Object.keys(metrics)].join(', ') : 'a number',
      found: key === undefined ? name : String(value),
      fix: key === undefined ? closestValue(name, Object.keys(metrics)) : undefined,
    })
  return value
}

/** Whether a value is better than the best so far; NaN is never better. */
export const isBetter = (value: number, best: BestEpoch | undefined, greater: boolean): boolean =>
  !Number.isNaN(value) && (best === undefined || (greater ? value > best.value : value < best.value))

/** Number of epochs after the best whose metric is not NaN. */
export const epochsWithoutBetter = (
  history: readonly EpochLog[],
  best: BestEpoch | undefined,
  metric: string,
): number =>
  best === undefined
    ? 0
    : history.filter(
        ({ epoch, train_loss, eval_loss = train_loss, eval_metrics }) =>
          epoch > best.epoch && !Number.isNaN(metricOf(metric, eval_loss, eval_metrics)),
      ).length
