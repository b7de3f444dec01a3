// Options of encoding texts, apart from the tokenizers library, which texts of other encoders do not need.

import { type Checks, flag, limit, oneOf, string } from '@cola/graph/options'
import type { TruncationSide, TruncationStrategy } from './truncate.ts'

/** Options of `Tokenizer.encode`. */
export interface EncodingOptions {
  /** Second text of a pair. An empty text is a second text too: separators are added. @default none */
  text_pair?: string | undefined
  /** Longest encoding, including special tokens, which are never removed. @default no limit */
  max_length?: number | undefined
  /** @default tokenizer_config.json's truncation_side, else tokenizer.json's, else 'right' */
  truncation_side?: TruncationSide | undefined
  /** Which text of a pair is truncated. @default tokenizer.json's, else 'longest_first' */
  truncation_strategy?: TruncationStrategy | undefined
  /** Whether special tokens are added. @default true */
  add_special_tokens?: boolean | undefined
}

/** Checks of {@link EncodingOptions}. */
export const encodingChecks: Checks<EncodingOptions> = {
  text_pair: string,
  max_length: limit,
  truncation_side: oneOf(['left', 'right']),
  truncation_strategy: oneOf(['longest_first', 'only_first', 'only_second']),
  add_special_tokens: flag,
}
