// Generates tokens with GPT-2 and a cache of keys and values.

import type { Model } from '@cola/graph'
import { type Device, openSession, OrtTensor, type OrtTensors, resolveDevice } from '@cola/train'
import { ConfigError } from '../errors.ts'
import type { Gpt2Config } from '../gpt2/config.ts'
import { cachedValues } from '../gpt2/graph.ts'
import { type GenerateOptions, generateTokens, type NextTokenModel } from './generate-tokens.ts'

/** A language model that is open for generation. */
export interface Generator {
  /**
   * Continues a prompt of token ids.
   * @returns The new tokens, without the end token.
   * @throws {FeedError | ConfigError} for an empty prompt, a token outside of the vocabulary, a prompt without a free
   * position after it, or an option that is out of its range.
   */
  readonly generate: (prompt: readonly number[], options?: GenerateOptions) => Promise<number[]>
  /** Frees the session. */
  readonly release: () => Promise<void>
}

/**
 * Opens a model for generation: `gpt2(config, parameters, { head: 'language-model', cache: true })`, with or without an
 * adapter.
 * @throws {ConfigError} for a model without a cache, {DeviceError} when the device is not available.
 */
export async function createGenerator(
  { graph }: Model,
  { config, device = 'cpu' }: { config: Gpt2Config; device?: Device },
): Promise<Generator> {
  if (!graph.inputs.includes('past.0.key'))
    throw new ConfigError({
      where: `model "${graph.name}"`,
      what: 'it keeps no keys and values',
      fix: "Build it with head: 'language-model' and cache: true.",
    })
  const session = await openSession({ graph }, await resolveDevice(device, graph))
  const names = cachedValues(config)
  const size = config.n_embd / config.n_head
  const emptyCache = (): OrtTensors =>
    Object.fromEntries(
      names.map((name) => [`past.${name}`, new OrtTensor('float32', new Float32Array(), [1, config.n_head, 0, size])]),
    )
  const row = (values: readonly number[]) => new OrtTensor('int32', Int32Array.from(values), [1, values.length])
  const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

  /** Computes each token of a text once; keys and values of earlier tokens come from the cache. */
  const cachedLogits = (): NextTokenModel['logits'] => {
    let past = emptyCache()
    let cached = 0
    return async (text) => {
      const added = text.slice(cached)
      const results = await session.run({
        input_ids: row(added),
        position_ids: row(range(cached, text.length)),
        segment_ids: row(added.map(() => 1)),
        past_position_ids: row(range(0, cached)),
        past_segment_ids: row(range(0, cached).map(() => 1)),
        ...past,
      })
      past = Object.fromEntries(names.map((name) => [`past.${name}`, results[`present.${name}`] as OrtTensor]))
      cached = text.length
      const logits = (results.logits as OrtTensor).data as Float32Array
      return logits.subarray(logits.length - config.vocab_size)
    }
  }
  const { vocab_size, n_positions: max_length, eos_token_id } = config
  return {
    generate: (prompt, options) =>
      generateTokens(
        { logits: cachedLogits(), vocab_size, max_length, eos_token_id: eos_token_id ?? undefined },
        prompt,
        options,
      ),
    release: () => session.release(),
  }
}
