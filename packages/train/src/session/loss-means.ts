// Means of losses over several batches. Batches of unequal size give exactly the mean of one large batch.

import { requireKind } from '@cola/graph/door'

/** A term of a loss in a batch: its mean, and the count that the mean divides by. */
export interface TermMean {
  readonly mean: number
  readonly count: number
}

/** A term of a loss over several batches. */
export interface TermSum {
  readonly sum: number
  readonly count: number
}

/** The divisor of a sum: 1 for a count of 0, because the sum is 0 too. The graphs do the same. */
export const divisorOf = (count: number): number => (count > 0 ? count : 1)

/** Adds a batch's means to the sums. */
export const addMeans = (sums: readonly TermSum[], terms: readonly TermMean[]): TermSum[] => {
  requireKind('addMeans, sums', sums, 'list')
  return terms.map(({ mean, count }, i) => ({
    sum: (sums[i]?.sum ?? 0) + mean * divisorOf(count),
    count: (sums[i]?.count ?? 0) + count,
  }))
}

/** The loss over all batches; NaN for none, and where all counts are 0. */
export const meanOf = (sums: readonly TermSum[]): number => {
  requireKind('meanOf, sums', sums, 'list')
  return sums.every(({ count }) => count === 0)
    ? Number.NaN
    : sums.reduce((loss, { sum, count }) => loss + sum / divisorOf(count), 0)
}
