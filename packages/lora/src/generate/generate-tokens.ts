// Generates tokens with a language model, for one prompt or for many at once.

import { type Random, random } from '@cola/data'
import { ConfigError } from '@cola/train'
import { callable, checkOptions, type Checks, whole } from '@cola/train/options'
import { requirePrompt, withoutPadding } from './prompts.ts'
import { nextToken, sampleChecks, type SampleOptions } from './sample.ts'

/** Options of generation, with the names of transformers' GenerationConfig. */
export interface GenerateOptions extends SampleOptions {
  /** @default 20 */
  max_new_tokens?: number
  /** Id or ids of the end token. @default the model's */
  eos_token_id?: number | readonly number[]
  /** Strings that end a text: it ends with the token that completes one. @default none */
  stop_strings?: string | readonly string[]
  /**
   * Seed for sampling; the rows of a batch draw from streams of their own. With a seed for each row, a row draws what
   * it draws alone. @default 0
   */
  seed?: number | readonly number[]
  /** For prompts that are padded, on either side: 1 for a token, 0 for padding, in the shape of the prompts. */
  attention_mask?: readonly number[] | readonly (readonly number[])[]
  /** Called with each new token and its row. */
  onToken?: ((id: number, row: number) => void) | undefined
  /** Told why a row's text ends: at an end token or a stop string, or because it has as many tokens as it may have. */
  onFinish?: ((reason: FinishReason, row: number) => void) | undefined
}

/** Why a text ends: `stop` at an end token or a stop string, `length` at the greatest number of tokens. */
export type FinishReason = 'stop' | 'length'

/** A token that was generated, and the row of its prompt. */
export interface GeneratedToken {
  readonly row: number
  readonly id: number
}

/** A model that predicts the next token, for one call of `generate`. */
export interface NextTokenModel {
  /**
   * Logits of the token that follows each text, [vocab_size], by row. A text is that of the call before with one more
   * token; rows that ended are left out.
   */
  readonly logits: (texts: ReadonlyMap<number, readonly number[]>) => Promise<ReadonlyMap<number, Float32Array>>
  readonly vocab_size: number
  /** Greatest number of tokens of a text. */
  readonly max_length: number
  /** Default of the option `eos_token_id`. */
  readonly eos_token_id?: number | readonly number[] | undefined
  /** The text of new tokens, for `stop_strings`. */
  readonly decode?: ((ids: readonly number[], row: number) => string) | undefined
  /** Frees what the model holds for the texts. */
  readonly end?: () => void
}

const isId = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0
const isIds = (value: unknown): boolean => [value].flat().every(isId)
const isMask = (value: unknown): boolean => Array.isArray(value) && value.flat().every((one) => one === 0 || one === 1)
const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''
const checks: Checks<GenerateOptions> = {
  ...sampleChecks,
  max_new_tokens: whole(1),
  eos_token_id: ['a token id, or an array of them', isIds],
  stop_strings: ['a string that is not empty, or an array of them', (value) => [value].flat().every(isText)],
  seed: ['a whole number of at least 0, or one for each row', (value) => isIds(value)],
  attention_mask: ['ones and zeros, in the shape of the prompts', isMask],
  onToken: callable,
  onFinish: callable,
}

/**
 * Continues prompts of token ids, token by token.
 * @throws {ConfigError} for an option that is unknown or out of its range, and for stop strings without a tokenizer.
 * @throws {FeedError} for an empty prompt, a token outside of the vocabulary, or a prompt without a free position after
 * it.
 */
export async function* streamTokens(
  model: NextTokenModel,
  prompts: readonly (readonly number[])[],
  options: GenerateOptions = {},
): AsyncGenerator<GeneratedToken, void, undefined> {
  try {
    checkOptions('generate', options, checks)
    const { attention_mask, onToken, onFinish, eos_token_id = model.eos_token_id, ...sampling } = options
    const { max_new_tokens = 20, seed = 0, stop_strings = [] } = options
    const texts = withoutPadding(prompts, attention_mask)
    for (const [row, text] of texts.entries())
      requirePrompt(text, prompts.length > 1 ? `prompt ${row + 1}` : 'prompt', model)
    const lengths = texts.map(({ length }) => length)
    const newOf = (row: number) => (texts[row] as number[]).slice(lengths[row])
    const endTokens = new Set([eos_token_id].flat())
    const isStopped = stopsAt([stop_strings].flat(), model)
    const isFull = (text: readonly number[], row: number): boolean =>
      text.length - (lengths[row] as number) >= max_new_tokens || text.length > model.max_length
    const streams = streamsOf(seed, texts.length)
    const active = new Map(texts.entries())
    const finish = (row: number, reason: FinishReason): void => {
      active.delete(row)
      onFinish?.(reason, row)
    }
    while (active.size > 0) {
      const logits = await model.logits(active)
      for (const [row, text] of [...active]) {
        const id = nextToken(logits.get(row) as Float32Array, sampling, streams[row] as Random, text)
        if (endTokens.has(id)) {
          finish(row, 'stop')
          continue
        }
        text.push(id)
        if (isStopped(newOf(row), row)) finish(row, 'stop')
        else if (isFull(text, row)) finish(row, 'length')
        onToken?.(id, row)
        yield { row, id }
      }
    }
  } finally {
    model.end?.()
  }
}

/**
 * Continues prompts of token ids.
 * @returns The new tokens of each, without the end token.
 * @throws as {@link streamTokens} does.
 */
export async function generateTokens(
  model: NextTokenModel,
  prompts: readonly (readonly number[])[],
  options: GenerateOptions = {},
): Promise<number[][]> {
  const generated = prompts.map((): number[] => [])
  for await (const { row, id } of streamTokens(model, prompts, options)) generated[row]?.push(id)
  return generated
}

/** Whether new tokens have a stop string. @throws {ConfigError} for stop strings where there is no tokenizer. */
function stopsAt(strings: readonly string[], { decode }: NextTokenModel): (ids: number[], row: number) => boolean {
  if (strings.length === 0) return () => false
  if (!decode)
    throw new ConfigError({
      where: 'generate, option stop_strings',
      what: 'strings are found by a tokenizer',
      fix: 'Give createGenerator the tokenizer.',
    })
  return (ids, row) => {
    const text = decode(ids, row)
    return strings.some((string) => text.includes(string))
  }
}

/** A stream for each row. @throws {ConfigError} for another number of seeds than rows. */
function streamsOf(seed: number | readonly number[], rows: number): Random[] {
  if (typeof seed === 'number')
    return Array.from({ length: rows }, (_, row) =>
      row === 0 ? random(seed, 'generate') : random(seed, 'generate', row),
    )
  if (seed.length !== rows)
    throw new ConfigError({
      where: 'generate, option seed',
      what: 'not a seed for each row',
      expected: String(rows),
      found: String(seed.length),
    })
  return seed.map((own) => random(own, 'generate'))
}
