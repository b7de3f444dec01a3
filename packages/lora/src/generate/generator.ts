// Generates tokens with a decoder and its cache of keys and values, for prompts of token ids.

import { requireKind } from '@cola/graph/door'
import { type Checks, checkOptions, number, object, oneOf, requireOptions, text } from '@cola/graph/options'
import { longestInput, type ModelConfig, type Tokenizer } from '@cola/data'
import type { Model } from '@cola/graph'
import { type Batch, checkConfig, type Device, OrtTensor, type OrtTensors, vocabularySize } from '@cola/train'
import type { SwitchableModel } from '../adapter/switch.ts'
import { ConfigError } from '../errors.ts'
import { accuracyLevels, type DecoderOptions, openDecoder } from './decoder.ts'
import {
  generateChecks,
  type GeneratedToken,
  type GenerateOptions,
  generateTokens,
  type NextTokenModel,
  streamTokens,
} from './generate-tokens.ts'

/** Options of a generator's calls. */
export interface GeneratorCallOptions extends GenerateOptions {
  /** Name of an adapter of a switchable model. @default none of them */
  adapter?: string
  /** Factor of the adapter's share. @default 1 */
  adapter_scale?: number
}

type Prompt = readonly number[]

/** A language model that is open for generation. */
export interface Generator {
  /**
   * Continues a prompt of token ids, or several at once, of any lengths.
   * @returns The new tokens, or those of each prompt, without the end token.
   * @throws {FeedError | ConfigError | AdapterError} for an empty prompt, a token outside of the vocabulary, a prompt
   * without a free position after it, an option that is out of its range, or the name of an adapter that is not there.
   */
  readonly generate: {
    (prompt: Prompt, options?: GeneratorCallOptions): Promise<number[]>
    (prompts: readonly Prompt[], options?: GeneratorCallOptions): Promise<number[][]>
  }
  /**
   * The tokens of `generate` as they come, with the row of their prompt. A loop that breaks off ends the generation.
   */
  readonly stream: (
    prompts: Prompt | readonly Prompt[],
    options?: GeneratorCallOptions,
  ) => AsyncGenerator<GeneratedToken, void, undefined>
  /** Frees the session. */
  readonly release: () => Promise<void>
}

/** How a generator is opened. */
export interface GeneratorOptions extends DecoderOptions {
  /** config.json of the model: its longest text and its end tokens. */
  config: object
  /** @default 'cpu' */
  device?: Device
  /** Finds `stop_strings`. @default none */
  tokenizer?: Pick<Tokenizer, 'decode'>
}

const callChecks: Checks<GeneratorCallOptions> = { adapter: text, adapter_scale: number, ...generateChecks }
const checks: Checks<GeneratorOptions> = {
  config: object,
  device: text,
  tokenizer: object,
  accuracy_level: oneOf(accuracyLevels),
}

/**
 * Opens a decoder with a cache for generation, with or without an adapter, or merged: what `cachedLanguageModel` of
 * `openBase` gives for a file with a cache, or `gpt2(config, parameters, { head: 'language-model', cache: true })`. Of
 * a model that `switchable` made of it, each call names its adapter.
 * @throws {ConfigError} for a model without a cache, a configuration that contradicts it, and an option that is unknown,
 * missing or out of its range; {DeviceError} when the device is not available.
 */
export async function createGenerator(
  model: Pick<Model, 'graph'> | SwitchableModel,
  options: GeneratorOptions,
): Promise<Generator> {
  checkOptions('createGenerator', options, checks)
  requireOptions('createGenerator', options, checks, ['config'])
  requireKind('createGenerator, model', model, 'model')
  const { config, device = 'cpu', tokenizer, accuracy_level = 0 } = options
  const adapters = 'feeds' in model ? model : undefined
  const graph = model.graph
  checkConfig(graph, config as ModelConfig, `model "${graph.name}"`)
  const decoder = await openDecoder(graph, device, Object.keys(adapters?.feeds() ?? {}), { accuracy_level })
  const matrices = adapterTensors(adapters)
  const limits = {
    vocab_size: vocabularySize(graph),
    max_length: longestInput(config as ModelConfig),
    eos_token_id: endTokensOf(config),
    decode: tokenizer && ((ids: readonly number[]) => tokenizer.decode(ids)),
  }
  const begin = (options: GeneratorCallOptions = {}): readonly [NextTokenModel, GenerateOptions] => {
    checkOptions('generate', options, callChecks)
    const { adapter, adapter_scale, ...rest } = options
    return [{ ...limits, ...decoder.start(matrices(adapter, adapter_scale)) }, rest]
  }
  const isBatch = (prompts: Prompt | readonly Prompt[]): prompts is readonly Prompt[] => Array.isArray(prompts[0])
  const rowsOf = (prompts: Prompt | readonly Prompt[]) => (isBatch(prompts) ? prompts : [prompts])
  async function generate(prompt: Prompt, options?: GeneratorCallOptions): Promise<number[]>
  async function generate(prompts: readonly Prompt[], options?: GeneratorCallOptions): Promise<number[][]>
  async function generate(
    prompts: Prompt | readonly Prompt[],
    options?: GeneratorCallOptions,
  ): Promise<number[] | number[][]> {
    const [next, rest] = begin(options)
    const rows = await generateTokens(next, rowsOf(prompts), rest)
    return isBatch(prompts) ? rows : (rows[0] as number[])
  }
  return {
    generate,
    stream: (prompts, options) => {
      const [next, rest] = begin(options)
      return streamTokens(next, rowsOf(prompts), rest)
    },
    release: decoder.release,
  }
}

/** The inputs of an adapter; the matrices become tensors once. @throws {ConfigError} where there are no adapters. */
function adapterTensors(model: SwitchableModel | undefined) {
  const made = new Map<string | undefined, OrtTensors>()
  return (adapter: string | undefined, scale: number | undefined): OrtTensors => {
    if (!model) {
      if (adapter === undefined && scale === undefined) return {}
      throw new ConfigError({
        where: 'generate, option adapter',
        what: 'the model has no adapters to choose from',
        fix: 'Make it of the base and its adapters with switchable.',
      })
    }
    const fed = made.get(adapter) ?? tensorsOf(model.feeds(adapter))
    made.set(adapter, fed)
    if (scale === undefined || !fed.lora_scale) return fed
    return { ...fed, lora_scale: new OrtTensor('float32', Float32Array.of(scale), []) }
  }
}

const tensorsOf = (batch: Batch): OrtTensors =>
  Object.fromEntries(
    Object.entries(batch).map(([name, { data, dims }]) => [name, new OrtTensor('float32', data as Float32Array, dims)]),
  )

const endTokensOf = (config: object): number | readonly number[] | undefined =>
  (config as { eos_token_id?: number | readonly number[] | null }).eos_token_id ?? undefined
