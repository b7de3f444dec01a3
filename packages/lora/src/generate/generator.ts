// Generates with an open decoder: token ids, texts and conversations, each call with an adapter of its own.

import { type Source, sourceChecks, type SourceOptions } from '@cola/data'
import { type Checks, checkOptions, number, text } from '@cola/graph/options'
import { untilRelease } from '@cola/train'
import type { Adapter } from '../adapter/files.ts'
import type { SwitchableModel } from '../adapter/switch.ts'
import { ConfigError } from '../errors.ts'
import { adapterChanges, type Commit } from './adapter-changes.ts'
import { adapterFeeds } from './adapter-feeds.ts'
import { checkGenerate } from './check-generate.ts'
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
import { textGenerator } from './text-generator.ts'
import type {
  GeneratedPiece,
  GeneratedText,
  GenerateTextOptions,
  GenerateTextsOptions,
  StreamTextsOptions,
} from './text-options.ts'

/** Which adapter of a switchable model a call takes. @typeParam A Names of the adapters. */
export interface AdapterChoice<A extends string = string> {
  /** Name of the adapter. @default none: the base alone */
  adapter?: A
  /** Factor of the adapter's share, with `adapter`. @default 1 */
  adapter_scale?: number
}

/** Options of a generator's calls with token ids. */
export interface GeneratorCallOptions<A extends string = string> extends GenerateOptions, AdapterChoice<A> {}

/** Options of a generator's calls with a text or a conversation. */
export interface GeneratorTextOptions<A extends string = string> extends GenerateTextOptions, AdapterChoice<A> {}

/** Options of a generator's calls with several texts or conversations. */
export interface GeneratorTextsOptions<A extends string = string> extends GenerateTextsOptions, AdapterChoice<A> {}

// Methods, and no properties that are functions: a generator of some adapters is a Generator too. A text comes last: the
// compiler's errors are about the last.
/**
 * A language model that is open for generation; calls may run at the same time, each with its own adapter.
 * @typeParam A Names of the adapters.
 */
export interface Generator<A extends string = string> {
  /** Names of the adapters that calls can choose. */
  readonly adapters: readonly A[]
  /**
   * Continues a prompt of token ids or a text, or answers a conversation through the chat template; or several at once,
   * of any lengths.
   * @returns The new tokens of ids, the new text of a text and of a conversation, without the end token and, of texts,
   * without a stop string; an array of them for several.
   * @throws {FeedError | DataError | ConfigError | AdapterError} for an empty prompt, a token outside of the vocabulary,
   * a prompt without a free position after it, ids and texts in one call, texts where there is no tokenizer,
   * conversations where there is no chat template, an option that is out of its range, or the name of an adapter that
   * is not there; the reason of a signal that fires.
   */
  generate(prompt: IdsPrompt, options?: GeneratorCallOptions<A>): Promise<number[]>
  /** The new tokens of several prompts, as of one. */
  generate(prompts: readonly IdsPrompt[], options?: GeneratorCallOptions<A>): Promise<number[][]>
  /** The new texts of several texts or conversations, as of one. */
  generate(prompts: readonly TextPrompt[], options?: GeneratorTextsOptions<A>): Promise<string[]>
  /** The new text of a text or a conversation. @throws as of token ids. */
  generate(prompt: TextPrompt, options?: GeneratorTextOptions<A>): Promise<string>
  /**
   * What `generate` gives, as it comes: tokens with the row of their prompt, or pieces of text, each of whole
   * characters, of several prompts with their row. A loop that breaks off ends the generation.
   * @throws as `generate` does, at the first piece.
   */
  stream(
    prompts: IdsPrompt | readonly IdsPrompt[],
    options?: GeneratorCallOptions<A>,
  ): AsyncGenerator<GeneratedToken, void, undefined>
  /** Pieces of the new texts of several texts or conversations. */
  stream(
    prompts: readonly TextPrompt[],
    options?: GeneratorTextsOptions<A>,
  ): AsyncGenerator<GeneratedPiece, void, undefined>
  /** Pieces of the new text of a text or a conversation. */
  stream(prompt: TextPrompt, options?: GeneratorTextOptions<A>): AsyncGenerator<string, void, undefined>
  /**
   * The new text of each text or conversation, as it ends: for many, or without end. `batch_size` of them are generated
   * at once, and the next one is asked for when there is place.
   * @throws as `generate` does, when a prompt is asked for.
   */
  streamTexts(
    prompts: Iterable<TextPrompt>,
    options?: StreamTextsOptions & AdapterChoice<A>,
  ): AsyncGenerator<GeneratedText, void, undefined>
  /**
   * Adds an adapter to the open session, as PEFT's `load_adapter` does, or replaces the one of its name: calls that are
   * under way end with theirs. Its rank may be that of the adapters which the session was opened with at most, its
   * layers theirs. Of several loads of one name the one that was called last holds, whichever is read first; one that
   * fails changes nothing.
   * @param adapter As in the option `adapters` of `openGenerator`; of `createGenerator`, one that is open.
   * @param options How it is read.
   * @returns This generator, whose type has the name.
   * @throws {AdapterError} naming the adapter, where it does not fit the base or the session, or was deleted while it
   * was loaded; {ConfigError} where the generator was opened without adapters; {SessionError} after its release; what
   * `openAdapter` throws.
   */
  loadAdapter<Name extends string>(
    name: Name,
    adapter: Source | Adapter,
    options?: SourceOptions,
  ): Promise<Generator<A | Name>>
  /**
   * Frees an adapter, as PEFT's `delete_adapter` does; loads of its name that are under way are rejected.
   * @throws {AdapterError} for a name that is not there; {SessionError} after the release.
   */
  deleteAdapter(name: A): void
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
export interface GeneratorParts<A extends string> {
  readonly decoder: Decoder
  /** The model of the decoder, where it has adapters. */
  readonly switched: SwitchableModel<A> | undefined
  readonly limits: Pick<NextTokenModel, 'vocab_size' | 'max_length'>
  /** The format of an adapter's texts, or of the base's. */
  readonly formatOf: (adapter: string | undefined) => TokenFormat
  /** Deletes an adapter. */
  readonly deleteAdapter: (name: string) => void
  /** Reads an adapter; all that a call sees of it changes in `commit`, at once. */
  readonly loadAdapter: (
    name: string,
    adapter: Source | Adapter,
    options: SourceOptions,
    commit: Commit,
  ) => Promise<void>
}

const callChecks: Checks<GeneratorCallOptions> = { adapter: text, adapter_scale: number, ...generateChecks }
const { attention_mask: _, ...textChecks } = callChecks

/** A generator of an open decoder. */
export function generatorOf<A extends string>({
  decoder,
  switched,
  limits,
  formatOf,
  ...parts
}: GeneratorParts<A>): Generator<A> {
  const feedsOf = adapterFeeds(switched)
  const life = untilRelease('session', 'Open the model again.')
  const changes = switched && adapterChanges(switched, parts.deleteAdapter, life.requireOpen)
  const texts = textGenerator<AdapterChoice>((options) => {
    life.requireOpen()
    checkGenerate(options, textChecks)
    const { adapter, adapter_scale, ...rest } = options
    const fed = feedsOf(adapter, adapter_scale)
    return [{ format: requireTexts(formatOf(adapter)), limits, start: async () => decoder.start(fed) }, rest]
  })
  const tokenCall = (options: GeneratorCallOptions): readonly [NextTokenModel, GenerateOptions] => {
    life.requireOpen()
    checkGenerate(options, callChecks)
    const { adapter, adapter_scale, ...rest } = options
    const fed = feedsOf(adapter, adapter_scale)
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
  const generator: Generator<A> = {
    get adapters() {
      return switched?.adapters ?? []
    },
    generate: generate as Generator<A>['generate'],
    stream: stream as Generator<A>['stream'],
    streamTexts: texts.streamTexts,
    async loadAdapter<Name extends string>(name: Name, source: Source | Adapter, options: SourceOptions = {}) {
      life.requireOpen()
      checkOptions('loadAdapter', options, sourceChecks)
      await requireSwitched(changes).load(name, (commit) => parts.loadAdapter(name, source, options, commit))
      return generator as Generator<A | Name>
    },
    deleteAdapter(name) {
      life.requireOpen()
      requireSwitched(changes).delete(name)
    },
    release: () => {
      life.release()
      return decoder.release()
    },
  }
  return generator
}

/** @throws {ConfigError} where the graph has no inputs for adapters. */
function requireSwitched<Changes>(changes: Changes | undefined): Changes {
  if (changes) return changes
  throw new ConfigError({
    where: 'generator',
    what: 'it was opened without adapters, so that its session has no inputs for one',
    fix: 'Open it with an adapter, of the greatest rank that later ones have.',
  })
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
