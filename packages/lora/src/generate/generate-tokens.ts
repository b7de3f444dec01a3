// Generates tokens with a language model, for one prompt or for many at once.

import { type Random, random } from '@cola/data'
import { ConfigError, hasFired } from '@cola/train'
import { abortSignal, callable, type Checks, optionsIn, show, whole } from '@cola/graph/options'
import { checkGenerate } from './check-generate.ts'
import { promptPlace, requirePrompt, requirePrompts, withoutPadding } from './prompts.ts'
import { ignoredOptions, nextToken, type RankedScores, sampleChecks, type SampleOptions } from './sample.ts'

/** Options of generation, with the names of transformers' GenerationConfig. */
export interface GenerateOptions extends SampleOptions {
  /** Greatest number of new tokens; a text may end before. @default 20, as in transformers */
  max_new_tokens?: number
  /** Id or ids of the end token. @default the model's */
  eos_token_id?: number | readonly number[]
  /**
   * Strings that end a text, before the first of them: it is cut off, where transformers keeps it. Token ids end with
   * the token that completes one. @default none
   */
  stop_strings?: string | readonly string[]
  /**
   * Seed for sampling; the rows of a batch draw from streams of their own. With a seed for each row, a row draws what
   * it draws alone. The same seed gives the same text: another for each call is `Math.floor(Math.random() * 2 ** 32)`.
   * @default 0
   */
  seed?: number | Iterable<number>
  /**
   * Rows that are computed at once; others begin as rows end (Yu et al. 2022), or, where the cache of the file has to be
   * padded, when all have ended. @default all rows
   */
  batch_size?: number
  /** For prompts that are padded, on either side: 1 for a token, 0 for padding, in the shape of the prompts. */
  attention_mask?: readonly number[] | readonly (readonly number[])[]
  /** Called with each new token and its row. */
  onToken?: ((id: number, row: number) => void) | undefined
  /** Told why a row's text ends: at an end token or a stop string, or because it has as many tokens as it may have. */
  onFinish?: ((reason: FinishReason, row: number) => void) | undefined
  /**
   * Told of options that are ignored: `temperature`, `top_k`, `top_p` and `min_p` without `do_sample`. @default not; of a
   * fine-tuned model, the `onWarning` that it was made with
   */
  onWarning?: ((warning: { message: string }) => void) | undefined
  /**
   * Ends the generation after the token that is computed: the signal's reason is thrown. The first token of a prompt, and
   * each one of a base without a cache, is one run over the whole text, which nothing interrupts. @default none
   */
  signal?: AbortSignal
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
   * Logits of the token that follows each text, [vocab_size] or ranked, by row. A text is that of the call before with
   * one more token, or one that begins; rows that ended are left out.
   * @param options What the logits are for.
   */
  readonly logits: (
    texts: ReadonlyMap<number, readonly number[]>,
    options: SampleOptions,
  ) => Promise<ReadonlyMap<number, Float32Array | RankedScores>>
  /** Whether texts may begin while others go on; else they begin when those before have ended. @default false */
  readonly joins?: boolean
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
const isSeeds = (value: unknown): boolean =>
  Array.isArray(value) || typeof value === 'number'
    ? isIds(value)
    : typeof value === 'object' && value !== null && Symbol.iterator in value
const isMask = (value: unknown): boolean => Array.isArray(value) && value.flat().every((one) => one === 0 || one === 1)
const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''
/** Checks of {@link GenerateOptions}. */
export const generateChecks: Checks<GenerateOptions> = {
  ...sampleChecks,
  max_new_tokens: whole(1),
  eos_token_id: ['a token id, or an array of them', isIds],
  stop_strings: ['a string that is not empty, or an array of them', (value) => [value].flat().every(isText)],
  seed: ['a whole number of at least 0, or one for each row', isSeeds],
  batch_size: whole(1),
  attention_mask: ['ones and zeros, in the shape of the prompts', isMask],
  onToken: callable,
  onFinish: callable,
  onWarning: callable,
  signal: abortSignal,
}

/** A text that is generated. */
interface Row {
  /** The prompt and the new tokens. */
  readonly text: number[]
  readonly promptLength: number
  readonly stream: Random
}

/**
 * Continues prompts of token ids, token by token. Prompts that are no array are asked for when their rows begin.
 * @throws {ConfigError} for an option that is unknown or out of its range, and for stop strings without a tokenizer.
 * @throws {FeedError} for an empty prompt, a token outside of the vocabulary, or a prompt without a free position after
 * it.
 * @throws The reason of the signal that fires.
 */
export async function* streamTokens(
  model: NextTokenModel,
  prompts: Iterable<readonly number[]>,
  options: GenerateOptions = {},
): AsyncGenerator<GeneratedToken, void, undefined> {
  try {
    checkGenerate(options, generateChecks)
    const { onToken, onFinish, onWarning, signal, eos_token_id = model.eos_token_id } = options
    const sampling = optionsIn(sampleChecks, options)
    const ignored = ignoredOptions(sampling)
    if (ignored !== undefined) onWarning?.({ message: ignored })
    const { max_new_tokens = 20, stop_strings = [], batch_size = Number.POSITIVE_INFINITY } = options
    const endTokens = new Set([eos_token_id].flat())
    const isStopped = stopsAt([stop_strings].flat(), model)
    const isFull = ({ text, promptLength }: Row): boolean =>
      text.length - promptLength >= max_new_tokens || text.length > model.max_length
    const waiting = rowsOf(model, prompts, options)
    const active = new Map<number, Row>()
    const finish = (row: number, reason: FinishReason): void => {
      active.delete(row)
      onFinish?.(reason, row)
    }
    /** Fills the batch. An eighth of it begins together: a run for few prompts takes nearly as long as one for many. */
    const begin = (): void => {
      if (active.size > 0 && (!model.joins || batch_size - active.size < batch_size / 8)) return
      while (active.size < batch_size) {
        const { value } = waiting.next()
        if (!value) return
        active.set(...value)
      }
    }
    if (signal?.aborted) throw signal.reason
    for (begin(); active.size > 0; begin()) {
      if (signal?.aborted) throw signal.reason
      const logits = await model.logits(new Map(Array.from(active, ([row, { text }]) => [row, text])), sampling)
      if (await hasFired(signal)) throw signal?.reason
      for (const [row, found] of [...active]) {
        const { text, promptLength, stream } = found
        const id = nextToken(logits.get(row) as RankedScores, sampling, stream, text)
        if (endTokens.has(id)) {
          finish(row, 'stop')
          continue
        }
        text.push(id)
        onToken?.(id, row)
        yield { row, id }
        if (isStopped(text.slice(promptLength), row)) finish(row, 'stop')
        else if (isFull(found)) finish(row, 'length')
      }
    }
  } finally {
    model.end?.()
  }
}

/** The rows, in the order of their prompts; those of an array are all checked before the first. */
function rowsOf(
  model: NextTokenModel,
  prompts: Iterable<readonly number[]>,
  { attention_mask, seed = 0 }: GenerateOptions,
): Iterator<readonly [number, Row], undefined> {
  const all = Array.isArray(prompts) ? withoutPadding(prompts, attention_mask) : undefined
  const streams = streamsOf(seed, all?.length)
  if (all) requirePrompts(all, model)
  return (function* (): Generator<readonly [number, Row], undefined> {
    let row = 0
    for (const prompt of all ?? prompts) {
      if (!all) requirePrompt(prompt, promptPlace(row), model)
      yield [row, { text: [...prompt], promptLength: prompt.length, stream: streams(row) }]
      row++
    }
  })()
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

/**
 * The stream of each row, in the order of the rows.
 * @param rows Their number, if it is known.
 * @throws {ConfigError} for another number of seeds than rows.
 */
function streamsOf(seed: NonNullable<GenerateOptions['seed']>, rows: number | undefined): (row: number) => Random {
  if (typeof seed === 'number') return (row) => (row === 0 ? random(seed, 'generate') : random(seed, 'generate', row))
  const [expected, found] = [rows, Array.isArray(seed) ? seed.length : undefined]
  if (expected !== undefined && found !== undefined && found !== expected)
    throw new ConfigError({
      where: 'generate, option seed',
      what: 'not a seed for each row',
      expected: String(expected),
      found: String(found),
    })
  const seeds = seed[Symbol.iterator]()
  return (row) => {
    const { value } = seeds.next()
    if (isId(value)) return random(value as number, 'generate')
    throw new ConfigError({
      where: `generate, option seed, row ${row + 1}`,
      what: 'not a seed for each row',
      expected: 'a whole number of at least 0',
      found: show(value),
    })
  }
}
