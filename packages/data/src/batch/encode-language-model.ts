// Encodes texts as rows of token ids with labels for next-token prediction.

import { type Checks, checkOptions, flag, limit, text, whole } from '@cola/graph/options'
import { requireList } from '../source/row-checks.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import { roomFor } from '../tokenizer/truncate.ts'
import { checkedRows, requireTokenizer, type TokenSequence } from './encode-texts.ts'
import { ignoreIndex } from './ignore-index.ts'

/** A text that a language model learns, perhaps after a prompt that has no labels. */
export interface LanguageModelText {
  text: string
  /** Beginning of the text whose tokens get no label. @default all tokens get a label */
  prompt?: string | undefined
  /** Parts of the text of which alone tokens get a label: those that have a character of one. @default the whole text */
  spans?: readonly TextSpan[]
}

/** A part of a text: its first character, and the one after its last. */
export type TextSpan = readonly [start: number, end: number]

/** Token ids of a text with the label of each token, for a language model. */
export interface LabelledSequence extends TokenSequence {
  /** `[token]`: the token, or -100 for tokens of the prompt; transformers' labels before the shift. */
  labels: readonly number[]
}

/** Options of {@link encodeForLanguageModel}. */
export interface LanguageModelOptions {
  /** Name of the rows, for errors. @default 'rows' */
  where?: string
  /** End token, appended to texts that do not end with it. @default none */
  eos_token_id?: number | undefined
  /** Whether special tokens are added; texts of chat templates contain them. @default true */
  add_special_tokens?: boolean
  /** Longest row in tokens; longer ones are truncated at the end. @default no limit */
  max_length?: number
  /** Number of rows of the embedding table, for a check of the ids. @default not checked */
  vocab_size?: number
}

const checks: Checks<LanguageModelOptions> = {
  where: text,
  eos_token_id: whole(0),
  add_special_tokens: flag,
  max_length: limit,
  vocab_size: limit,
}

/**
 * Encodes texts like TRL's SFTTrainer: with the end token, and truncated at the end. The completion starts at the first
 * token that differs between the prompt and the whole text.
 * @returns The rows, and the number of truncated ones.
 * @throws {DataError} naming the row: a text without tokens, an id without a row in the embedding table.
 * @throws {ConfigError} for an option that is unknown or out of its range.
 */
export function encodeForLanguageModel(
  tokenizer: Pick<Tokenizer, 'encode' | 'buildInputs'>,
  texts: readonly LanguageModelText[],
  options: LanguageModelOptions = {},
): { rows: LabelledSequence[]; truncated: number } {
  checkOptions('encodeForLanguageModel', options, checks)
  requireTokenizer(tokenizer)
  requireList(texts, 'texts')
  const { where = 'rows', eos_token_id, add_special_tokens = true, vocab_size } = options
  const room = roomFor(options.max_length ?? Number.POSITIVE_INFINITY, 0)
  const around = (ids: readonly number[]) => (add_special_tokens ? tokenizer.buildInputs(ids).input_ids : ids)
  // One token more than there is room for tells that a text is too long.
  const end = { max_length: room + 1, truncation_side: 'right' } as const
  const encode = (text: string) => tokenizer.encode(text, { add_special_tokens: false, ...end })
  const ended = (ids: readonly number[]) =>
    eos_token_id === undefined || ids.at(-1) === eos_token_id ? ids : [...ids, eos_token_id]
  return checkedRows(texts, { vocab_size, max_length: room }, ({ text, prompt, spans }, i) => {
    const whole = around(ended(encode(text)))
    const start = prompt === undefined ? 0 : commonLength(around(encode(prompt)), whole)
    const input_ids = whole.slice(0, room)
    const places = spans?.map(([first, end]) => [
      commonLength(around(encode(text.slice(0, first))), whole),
      tokensOf(around(encode(text.slice(0, end))), whole),
    ])
    const isLearned = (at: number) =>
      at >= start && (places?.some(([first = 0, end = 0]) => at >= first && at < end) ?? true)
    return {
      encoding: { input_ids, token_type_ids: [], overflow: whole.length - input_ids.length },
      more: { labels: input_ids.map((id, at) => (isLearned(at) ? id : ignoreIndex)) },
      where: `${where}, row ${i + 1}`,
    }
  })
}

/** Number of tokens of a text that a beginning of it is part of: the last one may be longer than its end. */
function tokensOf(beginning: readonly number[], whole: readonly number[]): number {
  const common = commonLength(beginning, whole)
  return common < beginning.length ? common + 1 : common
}

/** Length of the common prefix of two sequences. */
function commonLength(a: readonly number[], b: readonly number[]): number {
  const differs = a.findIndex((id, at) => id !== b[at])
  return differs < 0 ? a.length : differs
}
