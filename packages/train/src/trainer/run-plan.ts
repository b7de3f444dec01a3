// What each step of a run does, as a function of the options: rows, batches and learning rate. The Trainer follows it,
// and saveBatches writes it down for other machines.

import { schedule } from '../optim/schedule.ts'
import type { Batch } from '../session/feeds.ts'
import { epochOrder } from './epoch-order.ts'
import type { Settings } from './trainer-options.ts'

type LoopSettings<Row> = Omit<Settings<Row, never>, 'session' | 'predict' | 'compute_metrics' | 'callbacks'>

/** Rows of a batch, their indices among the training rows, and the model's inputs. */
export interface StepBatch<Row> {
  rows: Row[]
  indices: readonly number[]
  batch: Batch
}

type Length = 'data' | 'batch_size' | 'gradient_accumulation_steps' | 'epochs' | 'max_steps'

/** Optimizer steps of the whole run. */
export const totalSteps = <Row>({
  data,
  batch_size,
  gradient_accumulation_steps,
  epochs,
  max_steps = Math.ceil(Math.ceil(data.train.length / batch_size) / gradient_accumulation_steps) * epochs,
}: Pick<LoopSettings<Row>, Length>): number => max_steps

/**
 * Optimizer steps of warm-up; a share of all steps is rounded up, as in transformers. A share of less than one step is
 * none: the first step of a warm-up has the rate 0, and a run of one step would train nothing.
 */
function warmupSteps<Row>(settings: LoopSettings<Row>): number {
  const { warmup } = settings
  if (warmup >= 1) return warmup
  const steps = warmup * totalSteps(settings)
  return steps < 1 ? 0 : Math.ceil(steps)
}

/** What to tell of a warm-up that the run ends in: its learning rate stays below the one that was given. */
export function warmupDoubts<Row>(settings: LoopSettings<Row>): string[] {
  const [warmup, total] = [warmupSteps(settings), totalSteps(settings)]
  if (warmup === 0 || warmup < total) return []
  const share = Math.round((100 * (total - 1)) / warmup)
  return [
    `the warm-up lasts the whole run (warmup ${warmup}, steps ${total}): the learning rate comes to ${share}% of ` +
      'learning_rate; lower warmup',
  ]
}

/** The learning rate by optimizer step, from 0. */
export function learningRates<Row>(settings: LoopSettings<Row>): (step: number) => number {
  const { learning_rate, lr_scheduler_type } = settings
  const factor = schedule(lr_scheduler_type, {
    total_steps: totalSteps(settings),
    warmup_steps: warmupSteps(settings),
  })
  return (step) => learning_rate * factor(step)
}

/** Indices of the training rows in the order of an epoch, from 0. */
export function rowOrder<Row>(settings: LoopSettings<Row>, epoch: number): number[] {
  const { data, seed, batch_size, train_sampling_strategy: strategy } = settings
  const length = (row: number) => data.tokens?.(data.train[row] as Row) ?? 0
  return epochOrder(data.train.length, { seed, epoch, batch_size, strategy, length })
}

/**
 * The batches of an optimizer step.
 * @param order The epoch's {@link rowOrder}.
 * @param at The optimizer step of the run, and the batches of the epoch that are done; both count from 0.
 */
export function stepBatches<Row>(
  settings: LoopSettings<Row>,
  order: readonly number[],
  at: { step: number; batch: number },
): StepBatch<Row>[] {
  const { data, batch_size, gradient_accumulation_steps, stepInputs } = settings
  const first = at.batch * batch_size
  const end = Math.min(order.length, first + gradient_accumulation_steps * batch_size)
  const inputs = stepInputs?.({ step: at.step, total_steps: totalSteps(settings) })
  return Array.from({ length: Math.ceil((end - first) / batch_size) }, (_, i) => {
    const indices = order.slice(first + i * batch_size, Math.min(end, first + (i + 1) * batch_size))
    const rows = indices.map((index) => data.train[index] as Row)
    return { rows, indices, batch: { ...data.collate(rows), ...inputs } }
  })
}
