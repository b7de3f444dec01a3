// Checks that a tokenizer belongs to a model.

import type { Tokenizer } from '@cola/data'
import { ConfigError } from '../errors.ts'

/** Ids of the tokens that were added to a tokenizer's vocabulary. */
const addedIds = ({ files }: Tokenizer): Set<number> => {
  const { added_tokens = [] } = files['tokenizer.json'] as { added_tokens?: { id: number }[] }
  return new Set(added_tokens.map(({ id }) => id))
}

/**
 * Checks that the model has a row for each token. Added tokens may lack theirs, as where a padding token was added to
 * the tokenizer only: a text that has one is refused when it is encoded.
 * @param rows Rows of the model's table of token embeddings.
 * @throws {ConfigError} for the tokenizer of another model.
 */
export function checkVocabulary(rows: number, tokenizer: Tokenizer, where: string): void {
  if (tokenizer.vocabSize <= rows) return
  const added = addedIds(tokenizer)
  const missing = Array.from({ length: tokenizer.vocabSize - rows }, (_, i) => rows + i).filter((id) => !added.has(id))
  if (missing.length === 0) return
  throw new ConfigError({
    where,
    what: "the tokenizer's vocabulary is not the model's",
    expected: `at most ${rows} tokens, the rows of the embedding table`,
    found: String(tokenizer.vocabSize),
    fix: 'Take the tokenizer.json of the model that was exported.',
  })
}
