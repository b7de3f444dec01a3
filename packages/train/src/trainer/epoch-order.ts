// The order of an epoch's rows: random, or random among rows of similar length, which need little padding.

import { random } from '@cola/data'

/** Values of `train_sampling_strategy`. */
export const samplingStrategies = ['random', 'group_by_length'] as const
/** The order of an epoch's rows: random, or grouped by length. */
export type SamplingStrategy = (typeof samplingStrategies)[number]

/** Number of batches whose rows are sorted by length together, as in transformers' LengthGroupedSampler. */
const megabatch = 50

export interface OrderOptions {
  seed: number
  epoch: number
  batch_size: number
  strategy: SamplingStrategy
  /** Length of the row with this index. */
  length: (row: number) => number
}

/** The indices 0 to count - 1 in the order of an epoch. An incomplete batch comes last. */
export function epochOrder(count: number, { seed, epoch, batch_size, strategy, length }: OrderOptions): number[] {
  const stream = random(seed, 'order', epoch)
  const shuffled = stream.shuffle(Array.from({ length: count }, (_, i) => i))
  if (strategy === 'random') return shuffled
  const size = megabatch * batch_size
  const sorted = chunks(shuffled, size).flatMap((rows) => byLength(rows, length))
  const batches = chunks(sorted, batch_size)
  const full = batches.filter((batch) => batch.length === batch_size)
  return [...stream.shuffle(full), ...batches.filter((batch) => batch.length < batch_size)].flat()
}

/** Row indices from the shortest row to the longest. */
export const byLength = (rows: readonly number[], length: (row: number) => number): number[] =>
  [...rows].sort((a, b) => length(a) - length(b) || a - b)

const chunks = (rows: readonly number[], size: number): number[][] =>
  Array.from({ length: Math.ceil(rows.length / size) }, (_, i) => rows.slice(i * size, (i + 1) * size))
