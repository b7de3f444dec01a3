// Options of a base model's tokenizer.

import { type Files, readTokenizer, type Tokenizer } from '@cola/data'
import { type Checks, flag, text } from '@cola/graph/options'

/** Options of a base model's tokenizer, which saved and exported models keep. */
export interface TokenizerOptions {
  /** Jinja template that writes conversations, in place of the tokenizer's. @default the tokenizer's */
  chat_template?: string
  /**
   * Put the start token before each text, as transformers' tokenizers do by this option. A decoder attends to its first
   * token whatever it is (attention sinks, Xiao et al. 2024): without a start token that is a word of the text.
   * Conversations begin as their chat template has it.
   * @default false: as tokenizer.json says
   */
  add_bos_token?: boolean
  /** The start token, with `add_bos_token`. @default that of tokenizer_config.json */
  bos_token?: string
}

/** Checks of {@link TokenizerOptions}. */
export const tokenizerChecks: Checks<TokenizerOptions> = { chat_template: text, add_bos_token: flag, bos_token: text }

/** A tokenizer and the files that it lies among. */
export interface OpenedTokenizer {
  tokenizer: Tokenizer
  files: Files
}

/**
 * A tokenizer among a model's files, which have what the options say in place of their own.
 * @throws {DataError} naming the file; {ConfigError} for a start token that is unknown or not to be put anywhere.
 */
export async function openTokenizer(files: Files, options: TokenizerOptions): Promise<OpenedTokenizer> {
  const isAsOpened = Object.values(options).every((value) => value === undefined)
  if (isAsOpened) return { tokenizer: await readTokenizer(files), files }
  // A part of its own in bundles.
  return (await import('./changed-tokenizer.ts')).changedTokenizer(files, options)
}
