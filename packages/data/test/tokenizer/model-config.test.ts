import { longestInput, padTokenId } from '@cola/data'
import { describe, expect, it } from 'vitest'
import { fixture, tokenizerOf } from '../support/truncated-tokenizers.ts'

describe('limits of a model in config.json', () => {
  const models =
    fixture<{ config: Record<string, unknown>; longest: number; pad_token_id: number | null }[]>('longest.json')
  it.each(
    models.map((model) => [`${model.config.model_type}, pad_token_id ${model.config.pad_token_id}`, model] as const),
  )('longest input as in transformers: %s', (_, { config, longest, pad_token_id }) => {
    expect(longestInput(config)).toBe(longest)
    // A configuration without the field has its class's default.
    if (pad_token_id === config.pad_token_id) expect(longestInput({ ...config, pad_token_id: undefined })).toBe(longest)
  })
  it('longest input: at most the limit of the tokenizer', () => {
    const roberta = { model_type: 'roberta', max_position_embeddings: 514, pad_token_id: 1 }
    const limited = (model_max_length?: number, truncation?: object) =>
      tokenizerOf('bert', { truncation: truncation ?? null }, { model_max_length })
    expect(longestInput(roberta)).toBe(512)
    expect(longestInput(roberta, limited(128))).toBe(128)
    expect(longestInput(roberta, limited(1e30))).toBe(512)
    expect(longestInput({ model_type: 'distil-rnn' }, limited(1e30))).toBe(Number.POSITIVE_INFINITY)
    // transformers takes model_max_length before the truncation of tokenizer.json.
    const truncation = { direction: 'Right', max_length: 64, strategy: 'LongestFirst', stride: 0 }
    expect(longestInput(roberta, limited(256, truncation))).toBe(256)
    expect(longestInput(roberta, limited(undefined, truncation))).toBe(64)
    expect(longestInput({ model_type: 'xlnet', max_position_embeddings: -1 })).toBe(Number.POSITIVE_INFINITY)
    expect(longestInput({ model_type: 'gemma3', text_config: { max_position_embeddings: 32 } })).toBe(32)
  })
  it('padding: the first end token without pad_token_id', () => {
    expect(padTokenId({ pad_token_id: 0, eos_token_id: 2 })).toBe(0)
    expect(padTokenId({ eos_token_id: [128001, 128009] })).toBe(128001)
    expect(padTokenId({ pad_token_id: null, eos_token_id: 7 })).toBe(7)
    expect(padTokenId({ pad_token_id: -1, eos_token_id: [5] })).toBe(5)
    expect(padTokenId({}, { padTokenId: 3 })).toBe(3)
    expect(padTokenId({})).toBe(0)
    expect(padTokenId({ pad_token_id: 32000, eos_token_id: 2 }, undefined, 32000)).toBe(2)
  })
})
