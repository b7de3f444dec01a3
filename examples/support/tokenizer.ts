// A WordPiece tokenizer.json for the generator's language: every word whole, any other by its letters.

const letters = [...'abcdefghijklmnopqrstuvwxyz']
const specials = ['[PAD]', '[UNK]', '[CLS]']

/** The contents of tokenizer.json for a set of sentences. */
export function wordTokenizer(sentences: readonly string[]): object {
  const words = new Set(sentences.flatMap((text) => text.toLowerCase().match(/[a-z]+|[^\sa-z]/g) ?? []))
  const tokens = [
    ...specials,
    ...letters,
    ...letters.map((letter) => `##${letter}`),
    ...[...words].filter((word) => word.length > 1 || !letters.includes(word)).sort(),
  ]
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specials.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: '[CLS]', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
      pair: [],
      special_tokens: { '[CLS]': { id: '[CLS]', ids: [2], tokens: ['[CLS]'] } },
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
    },
  }
}

/** The contents of tokenizer_config.json. */
export const tokenizerConfig = {
  tokenizer_class: 'PreTrainedTokenizerFast',
  pad_token: '[PAD]',
  unk_token: '[UNK]',
  cls_token: '[CLS]',
  model_max_length: 32,
}
