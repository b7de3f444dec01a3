// Gradient accumulation: the weight of each batch's loss terms, so that the accumulated gradient is that of the mean
// over all batches.

import { FeedError } from '../errors.ts'
import { divisorOf } from './loss-means.ts'

/** The gradients accumulated so far. */
export interface Accumulation {
  readonly batches: number
  /** Count of the first batch, which is the unit of the weights; 1 if the counts of the window are known. */
  readonly first: number
  /** Count of all batches; 1 if the counts of the window are known. */
  readonly total: number
  /** Whether the counts of the whole window were passed. */
  readonly known: boolean
}

export const noAccumulation: Accumulation = { batches: 0, first: 1, total: 1, known: false }

/**
 * The weight of each term of a batch's loss in the accumulated gradient, and the accumulation after the batch.
 * With the counts of the whole window, the weight of a term is the batch's part of its count. Without them, all terms
 * are weighted by the batch's greatest count, in units of the first batch's: exact for losses of one term.
 * @throws {FeedError} for counts that are not one per term, or that only some batches of a window come with.
 */
export function accumulate(
  before: Accumulation,
  counts: readonly number[],
  window?: readonly number[],
): { shares: number[]; after: Accumulation } {
  const known = window !== undefined
  if (before.batches > 0 && before.known !== known)
    throw new FeedError({
      where: 'runTrainStep, option window',
      what: 'set for some batches of an accumulation only',
      expected: 'all or none',
    })
  if (window) {
    checkWindow(counts, window)
    return {
      shares: counts.map((count, i) => divisorOf(count) / divisorOf(window[i] as number)),
      after: { batches: before.batches + 1, first: 1, total: 1, known },
    }
  }
  const count = counts.reduce((a, b) => Math.max(a, b), 0)
  const first = before.batches === 0 ? divisorOf(count) : before.first
  const total = (before.batches === 0 ? 0 : before.total) + count
  return {
    shares: counts.map(() => divisorOf(count) / first),
    after: { batches: before.batches + 1, first, total, known },
  }
}

/** Factor that turns the accumulated gradient into that of the mean over all batches. */
export const gradientScale = ({ first, total }: Accumulation): number => first / divisorOf(total)

function checkWindow(counts: readonly number[], window: readonly number[]): void {
  if (
    window.length === counts.length &&
    window.every((count, i) => count >= (counts[i] as number) && Number.isFinite(count))
  )
    return
  throw new FeedError({
    where: 'runTrainStep, option window',
    what: 'not the counts of an accumulation that holds this batch',
    expected: `[${counts}] or more`,
    found: `[${window}]`,
  })
}
