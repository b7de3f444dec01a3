// Perplexity of a language model.

import { DataError } from '../errors.ts'

/**
 * e to the mean loss, in nats per token: of how many equally likely tokens the model chooses, on average.
 * @throws {DataError} for a loss that is NaN or below 0.
 */
export function perplexity(meanLoss: number): number {
  if (!(meanLoss >= 0))
    throw new DataError({
      where: 'loss',
      what: 'no mean loss',
      expected: 'a number of at least 0',
      found: String(meanLoss),
    })
  return Math.exp(meanLoss)
}
