// Opens a decoder with a cache for generation.

import { requireKind } from '@cola/graph/door'
import { type Checks, checkOptions, object, oneOf, requireOptions, text } from '@cola/graph/options'
import { longestInput, type ModelConfig, type Tokenizer } from '@cola/data'
import type { Model } from '@cola/graph'
import { checkConfig, defaultDevice, type Device, rotaryPositions, vocabularySize } from '@cola/train'
import type { Adapter } from '../adapter/files.ts'
import type { SwitchableModel } from '../adapter/switch.ts'
import { accuracyLevels, type DecoderOptions, openDecoder } from './decoder.ts'
import { type Generator, generatorOf, type TokenFormat, tokenFormat } from './generator.ts'
import { endTokens } from './special-tokens.ts'
import { type TextFormat, textFormat } from './text-format.ts'

/** How a generator is opened. */
export interface GeneratorOptions extends DecoderOptions {
  /** config.json of the model: its longest text and its end tokens. */
  config: object
  /** @default 'cpu' in Node, 'wasm' in a browser */
  device?: Device
  /** Reads texts and conversations, and names end tokens; `decode` alone finds `stop_strings`. @default none */
  tokenizer?: Tokenizer | Pick<Tokenizer, 'decode'>
}

const checks: Checks<GeneratorOptions> = {
  config: object,
  device: text,
  tokenizer: object,
  accuracy_level: oneOf(accuracyLevels),
}

/**
 * Opens a decoder with a cache for generation, with or without an adapter, or merged: what `cachedLanguageModel` of
 * `openBase` gives for a file with a cache, or `gpt2(config, parameters, { head: 'language-model', cache: true })`. Of
 * a model that `switchable` made of it, each call names its adapter. `openGenerator` is shorter, from names.
 * @throws {ConfigError} for a model without a cache, a configuration that contradicts it, and an option that is unknown,
 * missing or out of its range; {DeviceError} when the device is not available.
 */
export async function createGenerator<A extends string = string>(
  model: Pick<Model, 'graph'> | SwitchableModel<A>,
  options: GeneratorOptions,
): Promise<Generator<A>> {
  checkOptions('createGenerator', options, checks)
  requireOptions('createGenerator', options, checks, ['config'])
  requireKind('createGenerator, model', model, 'model')
  const { config, device = defaultDevice(), tokenizer, accuracy_level = 0 } = options
  const { graph } = model
  const switched = 'feeds' in model ? model : undefined
  checkConfig(graph, config as ModelConfig, `model "${graph.name}"`)
  const decoder = await openDecoder(graph, device, Object.keys(switched?.feeds() ?? {}), { accuracy_level })
  const vocab_size = vocabularySize(graph)
  const reader = tokenizer && 'encode' in tokenizer ? tokenizer : undefined
  const format: TokenFormat = reader
    ? tokenFormat(formatOf({ config, tokenizer: reader, vocab_size }))
    : { eos_token_id: endTokensOf(config), decode: tokenizer && ((ids) => tokenizer.decode(ids)) }
  const limits = {
    vocab_size,
    max_length: Math.min(longestInput(config as ModelConfig, reader), rotaryPositions(graph)),
  }
  return generatorOf({
    decoder,
    switched,
    limits,
    formatOf: () => format,
    // The model refuses what is no open adapter.
    loadAdapter: async (name, adapter, _, commit) => commit(() => switched?.loadAdapter(name, adapter as Adapter)),
    deleteAdapter: (name) => switched?.deleteAdapter(name),
  })
}

const formatOf = (source: Parameters<typeof textFormat>[0]): TextFormat =>
  textFormat(source, { eos_token_id: endTokens(source, undefined) })

const endTokensOf = (config: object): number | readonly number[] | undefined =>
  (config as { eos_token_id?: number | readonly number[] | null }).eos_token_id ?? undefined
