// Texts to rows of token ids for next-token prediction, with the tokens that are learned.

import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import { roomFor } from '../tokenizer/truncate.ts'
import { checkedRows, type TokenSequence } from './encode.ts'

export interface LanguageModelText {
  text: string
  /** How the text begins; its tokens are read and not learned. @default all of the text is learned */
  prompt?: string | undefined
}

export interface LabelledSequence extends TokenSequence {
  /** [token]: the token itself where it is learned, else -100; transformers' labels, before they are shifted. */
  labels: readonly number[]
}

export interface LanguageModelOptions {
  /** What the rows are called in errors. @default 'rows' */
  where?: string
  /** Put behind each text that does not end with it. @default none */
  eos_token_id?: number | undefined
  /**
   * Whether the tokenizer's special tokens are put around a text; what a chat template wrote has them already.
   * @default true
   */
  add_special_tokens?: boolean
  /** Longest row in tokens; longer ones lose their end. @default no limit */
  max_length?: number
  /** Rows of the model's embedding table, which no id may pass. @default not checked */
  vocab_size?: number
}

/**
 * Encodes texts as TRL's SFTTrainer does: with the end token, and cut at the end. A completion begins where the tokens
 * of the prompt and those of the whole text first differ.
 * @returns The rows, and how many were cut.
 * @throws {DataError} naming the row: a text without tokens, an id that the model has not.
 */
export function encodeForLanguageModel(
  tokenizer: Pick<Tokenizer, 'encode' | 'buildInputs'>,
  texts: readonly LanguageModelText[],
  options: LanguageModelOptions = {},
): { rows: LabelledSequence[]; truncated: number } {
  const { where = 'rows', eos_token_id, add_special_tokens = true, vocab_size } = options
  const room = roomFor(options.max_length ?? Number.POSITIVE_INFINITY, 0)
  const around = (ids: readonly number[]) => (add_special_tokens ? tokenizer.buildInputs(ids).input_ids : ids)
  const encode = (text: string) => tokenizer.encode(text, { add_special_tokens: false })
  const ended = (ids: readonly number[]) =>
    eos_token_id === undefined || ids.at(-1) === eos_token_id ? ids : [...ids, eos_token_id]
  return checkedRows(texts, { vocab_size, max_length: room }, ({ text, prompt }, i) => {
    const whole = around(ended(encode(text)))
    const start = prompt === undefined ? 0 : commonLength(around(encode(prompt)), whole)
    const input_ids = whole.slice(0, room)
    return {
      encoding: { input_ids, token_type_ids: [], overflow: whole.length - input_ids.length },
      more: { labels: input_ids.map((id, at) => (at < start ? -100 : id)) },
      where: `${where}, row ${i + 1}`,
    }
  })
}

/** How many tokens two sequences have in common from the front. */
function commonLength(a: readonly number[], b: readonly number[]): number {
  const differs = a.findIndex((id, at) => id !== b[at])
  return differs < 0 ? a.length : differs
}
