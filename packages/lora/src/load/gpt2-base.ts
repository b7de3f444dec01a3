// GPT-2 as a base model.

import { packSentences, type TokenSequence } from '@cola/data'
import { gpt2 } from '../gpt2/graph.ts'
import { keepStartTokens } from '../inject/start-tokens.ts'
import { checkVocabulary } from '../onnx/check-vocabulary.ts'
import type { BaseModel, PlacedBatch } from './base-model.ts'
import type { Pretrained } from './pretrained.ts'

export { loadPretrained } from './pretrained.ts'

export function gpt2Base({ config, parameters, tokenizer, files, folder, origin = {} }: Pretrained): BaseModel {
  const name = files.where
  const build = (head: 'none' | 'language-model', cache = false) => {
    checkVocabulary(config.vocab_size, tokenizer, name)
    const model = gpt2(config, parameters, { head, cache })
    keepStartTokens(model.graph, tokenizer)
    return model
  }
  return {
    name,
    origin,
    files,
    folder,
    config,
    tokenizer,
    causal: true,
    max_length: config.n_positions,
    vocab_size: config.vocab_size,
    parameters,
    hiddenStates: () => build('none'),
    languageModel: () => build('language-model'),
    packedLanguageModel: () => build('language-model'),
    cachedLanguageModel: () => build('language-model', true),
    batches: () => packedBatch,
    // A part of its own in bundles: what is not exported needs none of it.
    padded: async (model) => (await import('../gpt2/padded-inputs.ts')).withPaddedInputs(model),
  }
}

/**
 * Sentences packed into rows, with the inputs of a pooled head: indices of the first and the last token [batch], and
 * the weights of a mean over real tokens [batch, tokens].
 */
function packedBatch(rows: readonly TokenSequence[]): PlacedBatch {
  const batch = packSentences(rows.map(({ input_ids }) => input_ids))
  const lengths = rows.map(({ input_ids }) => input_ids.length)
  const starts = lengths.map((length, i) => (batch.last_token.data[i] as number) - length + 1)
  const tokens = batch.input_ids.data.length
  const weights = new Float32Array(rows.length * tokens)
  lengths.forEach((length, i) => {
    const start = i * tokens + (starts[i] as number)
    weights.fill(1 / length, start, start + length)
  })
  return {
    batch: {
      ...batch,
      first_token: { data: Int32Array.from(starts), dims: [rows.length] },
      pooling_weights: { data: weights, dims: [rows.length, tokens] },
    },
    grid: batch.input_ids.dims,
    starts,
  }
}
