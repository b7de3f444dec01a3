// Generates tokens with a language model.

import { random } from '@cola/data'
import { FeedError } from '@cola/train'
import { callable, type Check, checkOptions, type Checks, flag, positive, whole } from '@cola/train/options'
import { nextToken, type SampleOptions } from './sample.ts'

/** Options of generation, with the names of transformers' GenerationConfig. */
export interface GenerateOptions extends SampleOptions {
  /** @default 20 */
  max_new_tokens?: number
  /** Id or ids of the end token. @default the model's */
  eos_token_id?: number | readonly number[]
  /** Seed for sampling. @default 0 */
  seed?: number
  /** Called with each new token. */
  onToken?: ((id: number) => void) | undefined
  /** Told why the text ends: at an end token, or because it has as many tokens as it may have. */
  onFinish?: ((reason: FinishReason) => void) | undefined
}

/** Why a text ends: `stop` at an end token, `length` at the greatest number of tokens. */
export type FinishReason = 'stop' | 'length'

/** A model that predicts the next token. */
export interface NextTokenModel {
  /** Logits of the token that follows a text, [vocab_size]. Each text is the previous one with one more token. */
  readonly logits: (text: readonly number[]) => Promise<Float32Array>
  readonly vocab_size: number
  /** Greatest number of tokens of a text. */
  readonly max_length: number
  /** Default of the option `eos_token_id`. */
  readonly eos_token_id?: number | readonly number[] | undefined
}

const isId = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0
const isIds = (value: unknown): boolean => [value].flat().every(isId)
const checks: Checks<GenerateOptions> = {
  do_sample: flag,
  temperature: positive,
  top_k: whole(0),
  top_p: ['a number above 0, at most 1', (p) => typeof p === 'number' && p > 0 && p <= 1] satisfies Check,
  max_new_tokens: whole(1),
  eos_token_id: ['a token id, or an array of them', isIds],
  seed: whole(0),
  onToken: callable,
  onFinish: callable,
}

/**
 * Continues a prompt of token ids.
 * @returns The new tokens, without the end token.
 * @throws {ConfigError} for an option that is unknown or out of its range.
 * @throws {FeedError} for an empty prompt, a token outside of the vocabulary, or a prompt without a free position after
 * it.
 */
export async function generateTokens(
  model: NextTokenModel,
  prompt: readonly number[],
  options: GenerateOptions = {},
): Promise<number[]> {
  checkOptions('generate', options, checks)
  requirePrompt(prompt, model)
  const { max_new_tokens = 20, eos_token_id = model.eos_token_id, seed = 0, onToken, onFinish, ...sampling } = options
  const endTokens = new Set([eos_token_id].flat())
  const stream = random(seed, 'generate')
  const text = [...prompt]
  while (text.length - prompt.length < max_new_tokens && text.length <= model.max_length) {
    const id = nextToken(await model.logits(text), sampling, stream)
    if (endTokens.has(id)) {
      onFinish?.('stop')
      return text.slice(prompt.length)
    }
    text.push(id)
    onToken?.(id)
  }
  onFinish?.('length')
  return text.slice(prompt.length)
}

function requirePrompt(prompt: readonly number[], { vocab_size, max_length }: NextTokenModel): void {
  if (prompt.length === 0)
    throw new FeedError({ where: 'prompt', what: 'no tokens', fix: 'Begin with the tokenizer’s start or end token.' })
  if (prompt.length >= max_length)
    throw new FeedError({
      where: 'prompt',
      what: 'no place left in the position table',
      expected: `fewer than ${max_length} tokens`,
      found: String(prompt.length),
      fix: 'Shorten the prompt.',
    })
  const unknown = prompt.find((id) => !(isId(id) && id < vocab_size))
  if (unknown !== undefined)
    throw new FeedError({
      where: 'prompt',
      what: 'a token id without a row in the embedding table',
      expected: `0 to ${vocab_size - 1}`,
      found: String(unknown),
    })
}
