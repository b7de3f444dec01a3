/** The tokenizer.json of whole words, without special tokens. */
export const wordLevel = (vocab: Readonly<Record<string, number>>, unk_token: string) => ({
  version: '1.0',
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: { type: 'Whitespace' },
  post_processor: null,
  decoder: null,
  model: { type: 'WordLevel', vocab, unk_token },
})
