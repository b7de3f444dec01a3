// The tokens before each text: those that a model's tokenizer puts there, and those that an adapter was trained with.
// Neither ONNX nor PEFT records them; here their ids lie in the graph's metadata, and in fine_tuned.json.

import type { Tokenizer } from '@cola/data'
import type { Graph, Model } from '@cola/graph'
import { AdapterError } from '../errors.ts'

/** Ids of the tokens that a tokenizer puts before each text; undefined where its template leaves a text no place. */
export function startTokenIds({ buildInputs }: Tokenizer): number[] | undefined {
  try {
    const { input_ids, start } = buildInputs([])
    return input_ids.slice(0, start)
  } catch {
    return undefined
  }
}

/** Keeps in a graph what its tokenizer puts before texts, as JSON. */
export function keepStartTokens({ metadata }: Graph, tokenizer: Tokenizer): void {
  metadata.start_token_ids = JSON.stringify(startTokenIds(tokenizer) ?? null)
}

/**
 * How the tokens before a model's texts differ from those that an adapter was trained with; undefined where they do not,
 * and where one of them is not known.
 */
export function otherStart({ graph }: Model, trained: readonly number[] | undefined): AdapterError | undefined {
  const [expected, found = 'null'] = [JSON.stringify(trained), graph.metadata.start_token_ids]
  if (!trained || found === 'null' || found === expected) return undefined
  return new AdapterError({
    where: 'token ids before each text',
    what: 'not what the adapter was trained with',
    expected,
    found,
    fix: 'Open the base with add_bos_token as in training.',
  })
}
