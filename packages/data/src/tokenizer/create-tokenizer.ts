// Makes a tokenizer of JSON that is read already.

import { chatTemplateOf } from './render-chat.ts'
import type { Tokenizer } from './tokenizer.ts'
import { tokenizerOf } from './tokenizer-of.ts'

/**
 * Wraps the parsed contents of tokenizer.json and tokenizer_config.json. @throws {DataError} when they make no
 * tokenizer.
 */
export const createTokenizer = (tokenizerJson: object, tokenizerConfig: object = {}): Tokenizer =>
  tokenizerOf(tokenizerJson, tokenizerConfig, chatTemplateOf)
