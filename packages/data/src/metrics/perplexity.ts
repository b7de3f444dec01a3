// Perplexity of a language model.

import { show } from '@cola/graph/options'
import { DataError } from '../errors.ts'

/**
 * exp of the mean loss in nats per token: the number of equally likely tokens with the same loss.
 * @throws {DataError} for a loss that is NaN or below 0.
 */
export function perplexity(meanLoss: number): number {
  if (!(meanLoss >= 0))
    throw new DataError({
      where: 'loss',
      what: 'no mean loss',
      expected: 'a number of at least 0',
      found: show(meanLoss),
    })
  return Math.exp(meanLoss)
}
