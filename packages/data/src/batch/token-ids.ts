// Checks token ids: typed arrays would round them and wrap them around without a word.

import { requireKind } from '@cola/graph/door'
import { DataError } from '../errors.ts'
import { describeValue } from '../source/row-checks.ts'

/**
 * Checks token ids.
 * @param vocab_size Number of rows of the embedding table. @default not known
 * @throws {DataError} for an id that is no whole number, below 0, or of `vocab_size` and above.
 */
export function requireTokenIds(ids: readonly number[], where: string, vocab_size = 2 ** 31): void {
  requireKind('requireTokenIds, ids', ids, 'list')
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as number
    if (Number.isInteger(id) && id >= 0 && id < vocab_size) continue
    throw new DataError({
      where,
      what: 'a token id without a row in the embedding table',
      expected: vocab_size < 2 ** 31 ? `0 to ${vocab_size - 1}` : 'a whole number from 0',
      found: `${describeValue(id)}, token ${i + 1}`,
      fix: "Use the model's own tokenizer; a token that was added to it needs a model with a larger table.",
    })
  }
}
