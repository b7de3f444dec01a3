// Generates with an open decoder: token ids, texts and conversations, each call with an adapter of its own.

import { type Checks, checkOptions, number, text } from '@cola/graph/options'
import type { SwitchableModel } from '../adapter/switch.ts'
import { ConfigError } from '../errors.ts'
import { adapterFeeds } from './adapter-feeds.ts'
import type { Decoder } from './decoder.ts'
import {
  generateChecks,
  type GeneratedToken,
  type GenerateOptions,
  generateTokens,
  type NextTokenModel,
  streamTokens,
} from './generate-tokens.ts'
import { areIds, areSeveral, type IdsPrompt, type IdsPrompts } from './prompt-kinds.ts'
import type { TextFormat, TextPrompt } from './text-format.ts'
import { type TextGenerator, textGenerator } from './text-generator.ts'
import type { GeneratedPiece, GenerateTextOptions, GenerateTextsOptions } from './text-options.ts'

/** Which adapter of a switchable model a call takes. */
export interface AdapterChoice {
  /** Name of the adapter. @default none: the base alone */
  adapter?: string
  /** Factor of the adapter's share. @default 1 */
  adapter_scale?: number
}

/** Options of a generator's calls with token ids. */
export interface GeneratorCallOptions extends GenerateOptions, AdapterChoice {}

/** Options of a generator's calls with a text or a conversation. */
export interface GeneratorTextOptions extends GenerateTextOptions, AdapterChoice {}

/** Options of a generator's calls with several texts or conversations. */
export interface GeneratorTextsOptions extends GenerateTextsOptions, AdapterChoice {}

/** A language model that is open for generation; calls may run at the same time, each with its own adapter. */
export interface Generator {
  /** Names of the adapters that calls can choose. */
  readonly adapters: readonly string[]
  /**
   * Continues a prompt of token ids or a text, or answers a conversation through the chat template; or several at once,
   * of any lengths.
   * @returns The new tokens of ids, the new text of a text and of a conversation, without the end token and, of texts,
   * without a stop string; an array of them for several.
   * @throws {FeedError | DataError | ConfigError | AdapterError} for an empty prompt, a token outside of the vocabulary,
   * a prompt without a free position after it, ids and texts in one call, texts where there is no tokenizer,
   * conversations where there is no chat template, an option that is out of its range, or the name of an adapter that
   * is not there.
   */
  readonly generate: {
    (prompt: IdsPrompt, options?: GeneratorCallOptions): Promise<number[]>
    (prompts: readonly IdsPrompt[], options?: GeneratorCallOptions): Promise<number[][]>
    (prompt: TextPrompt, options?: GeneratorTextOptions): Promise<string>
    (prompts: readonly TextPrompt[], options?: GeneratorTextsOptions): Promise<string[]>
  }
  /**
   * What `generate` gives, as it comes: tokens with the row of their prompt, or pieces of text, each of whole
   * characters, of several prompts with their row. A loop that breaks off ends the generation.
   * @throws as `generate` does, at the first piece.
   */
  readonly stream: {
    (
      prompts: IdsPrompt | readonly IdsPrompt[],
      options?: GeneratorCallOptions,
    ): AsyncGenerator<GeneratedToken, void, undefined>
    (prompt: TextPrompt, options?: GeneratorTextOptions): AsyncGenerator<string, void, undefined>
    (prompts: readonly TextPrompt[], options?: GeneratorTextsOptions): AsyncGenerator<GeneratedPiece, void, undefined>
  }
  /**
   * The new text of each text or conversation, as it ends: for many, or without end. `batch_size` of them are generated
   * at once, and the next one is asked for when there is place.
   * @throws as `generate` does, when a prompt is asked for.
   */
  readonly streamTexts: TextGenerator<AdapterChoice>['streamTexts']
  /** Frees the session. */
  readonly release: () => Promise<void>
}

/** What ends token ids, and how texts become some. */
export interface TokenFormat extends Pick<NextTokenModel, 'eos_token_id' | 'decode'> {
  /** @default there is no tokenizer */
  readonly texts?: TextFormat | undefined
}

/** The format of token ids, by that of texts. */
export const tokenFormat = (texts: TextFormat): TokenFormat => ({
  eos_token_id: texts.eos_token_id,
  decode: (ids) => texts.tokenizer.decode(ids),
  texts,
})

/** What a generator is made of. */
export interface GeneratorParts {
  readonly decoder: Decoder
  /** The model of the decoder, where it has adapters. */
  readonly switched: SwitchableModel | undefined
  readonly limits: Pick<NextTokenModel, 'vocab_size' | 'max_length'>
  /** The format of an adapter's texts, or of the base's. */
  readonly formatOf: (adapter: string | undefined) => TokenFormat
}

const callChecks: Checks<GeneratorCallOptions> = { adapter: text, adapter_scale: number, ...generateChecks }
const { attention_mask: _, ...textChecks } = callChecks

/** A generator of an open decoder. */
export function generatorOf({ decoder, switched, limits, formatOf }: GeneratorParts): Generator {
  const feeds = adapterFeeds(switched)
  const texts = textGenerator<AdapterChoice>((options) => {
    checkOptions('generate', options, textChecks)
    const { adapter, adapter_scale, ...rest } = options
    const fed = feeds(adapter, adapter_scale)
    return [{ format: requireTexts(formatOf(adapter)), limits, start: async () => decoder.start(fed) }, rest]
  })
  const tokenCall = (options: GeneratorCallOptions): readonly [NextTokenModel, GenerateOptions] => {
    checkOptions('generate', options, callChecks)
    const { adapter, adapter_scale, ...rest } = options
    const fed = feeds(adapter, adapter_scale)
    const { eos_token_id, decode } = formatOf(adapter)
    return [{ ...limits, eos_token_id, decode, ...decoder.start(fed) }, rest]
  }
  async function generate(prompts: IdsPrompts | TextPrompt, options = {}) {
    if (!areIds(prompts)) return texts.generate(prompts, options)
    const [model, rest] = tokenCall(options)
    const rows = await generateTokens(model, areSeveral(prompts) ? prompts : [prompts], rest)
    return areSeveral(prompts) ? rows : rows[0]
  }
  async function* stream(prompts: IdsPrompts | TextPrompt, options = {}) {
    if (!areIds(prompts)) return yield* texts.stream(prompts, options)
    const [model, rest] = tokenCall(options)
    yield* streamTokens(model, areSeveral(prompts) ? prompts : [prompts], rest)
  }
  return {
    adapters: switched?.adapters ?? [],
    generate: generate as Generator['generate'],
    stream: stream as Generator['stream'],
    streamTexts: texts.streamTexts,
    release: decoder.release,
  }
}

/** @throws {ConfigError} where there is no tokenizer. */
function requireTexts({ texts }: TokenFormat): TextFormat {
  if (texts) return texts
  throw new ConfigError({
    where: 'generate',
    what: 'texts and messages are read by a tokenizer',
    fix: 'Give createGenerator the tokenizer, or token ids as the prompt.',
  })
}
