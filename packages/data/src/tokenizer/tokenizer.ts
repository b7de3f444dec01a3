// What a tokenizer is.

import type { ChatTemplate } from './chat-template.ts'
import type { EncodingOptions } from './encoding-options.ts'
import type { TruncationSide } from './truncate.ts'

/** Token ids of a text, with type ids and offsets where asked. */
export interface Encoding {
  input_ids: number[]
  /** `[token]`: the text of a pair that a token belongs to, from the model's template. */
  token_type_ids: number[]
  /** Number of tokens that truncation removed; at least so many of a text that was cut before it was tokenized. */
  overflow: number
}

/** A text's tokens with the special tokens that the model's template adds. */
export interface BuiltInputs {
  input_ids: number[]
  token_type_ids: number[]
  /** Index of the text's first token, after special tokens. */
  start: number
}

/** A tokenizer: text to token ids and back. */
export interface Tokenizer {
  /**
   * Ids of a text, or of a pair, with the special tokens of its post-processor, without padding. Padding and truncation
   * in tokenizer.json are ignored; only `max_length` truncates.
   * @throws {DataError} for a `max_length` smaller than the number of special tokens, or a pair without a template for
   * pairs; {ConfigError} for an option that is unknown or out of its range.
   */
  encode: (text: string, options?: EncodingOptions) => number[]
  /** Like `encode`, with token types and the number of tokens that truncation removed. */
  encodePlus: (text: string, options?: EncodingOptions) => Encoding
  /** Adds the special tokens of a single text to its tokens; transformers' build_inputs_with_special_tokens. */
  buildInputs: (ids: readonly number[]) => BuiltInputs
  /** Side that is truncated: tokenizer_config.json's truncation_side, else tokenizer.json's, else 'right'. */
  readonly truncationSide: TruncationSide
  /**
   * Text of token ids, without special tokens; transformers' decode with `skip_special_tokens=True`: spaces before
   * punctuation stay, but where tokenizer_config.json has `clean_up_tokenization_spaces`, for tokenizers other than BPE.
   * @throws {DataError} for what are no ids of tokens.
   */
  decode: (ids: readonly number[]) => string
  /** Id of a token of the vocabulary; undefined for others. */
  tokenToId: (token: string) => number | undefined
  /** The greatest id + 1, over the vocabulary and added tokens: the number of rows of the embedding table. */
  readonly vocabSize: number
  /** Special tokens of tokenizer_config.json as text, by name: `bos_token`, `eos_token` and others. */
  readonly specialTokens: Readonly<Record<string, string>>
  /**
   * Renders a conversation with the model's chat template, including special tokens; transformers' apply_chat_template
   * with `tokenize=False`.
   * @throws {DataError} for a missing template, one that cannot be parsed, or messages that it refuses.
   */
  readonly applyChatTemplate: ChatTemplate
  /** Id of the padding token, if the tokenizer has one. */
  readonly padTokenId: number | undefined
  /**
   * Longest input of the tokenizer's model: tokenizer_config.json's model_max_length, else tokenizer.json's truncation.
   */
  readonly modelMaxLength: number | undefined
  /** The parsed contents of the tokenizer's files. */
  readonly files: TokenizerFiles
}

/** The parsed files of a tokenizer. */
export interface TokenizerFiles {
  readonly 'tokenizer.json': object
  readonly 'tokenizer_config.json': object
}
