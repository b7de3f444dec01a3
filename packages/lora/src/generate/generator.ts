// Text from a GPT-2 language model, token by token, with a key-value cache.

import { random } from '@cola/data'
import type { Model } from '@cola/graph'
import { type Device, FeedError, openSession, OrtTensor, type OrtTensors, resolveDevice } from '@cola/train'
import { ConfigError } from '../errors.ts'
import type { Gpt2Config } from '../gpt2/config.ts'
import { cachedValues } from '../gpt2/graph.ts'
import { nextToken, type SampleOptions } from './sample.ts'

export interface GenerateOptions extends SampleOptions {
  /** @default 20 */
  max_new_tokens?: number
  /** Ends the text: a token, or any of several. @default config.json's eos_token_id */
  eos_token_id?: number | readonly number[]
  /** Of what is drawn. @default 0 */
  seed?: number
  /** Called with each new token. */
  onToken?: (id: number) => void
}

export interface Generator {
  /**
   * Continues a prompt of token ids.
   * @returns The new tokens, without the end token.
   * @throws {FeedError} for an empty prompt, a token that the model has not, or a prompt that leaves no place in the
   * position table.
   */
  readonly generate: (prompt: readonly number[], options?: GenerateOptions) => Promise<number[]>
  readonly release: () => Promise<void>
}

/**
 * Opens a model for generation: `gpt2(config, parameters, { head: 'language-model', cache: true })`, with an adapter in
 * it or without.
 * @throws {ConfigError} for a model without a cache, {DeviceError} when the device is not there.
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
  const nothing = (): OrtTensors =>
    Object.fromEntries(
      names.map((name) => [`past.${name}`, new OrtTensor('float32', new Float32Array(), [1, config.n_head, 0, size])]),
    )
  const row = (values: readonly number[]) => new OrtTensor('int32', Int32Array.from(values), [1, values.length])
  const upTo = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

  const generate: Generator['generate'] = async (
    prompt,
    { max_new_tokens = 20, eos_token_id = config.eos_token_id ?? undefined, seed = 0, onToken, ...sampling } = {},
  ) => {
    if (prompt.length === 0)
      throw new FeedError({ where: 'prompt', what: 'no tokens', fix: 'Begin with the tokenizer’s start or end token.' })
    if (prompt.length >= config.n_positions)
      throw new FeedError({
        where: 'prompt',
        what: 'no place left in the position table',
        expected: `fewer than ${config.n_positions} tokens`,
        found: String(prompt.length),
      })
    const unknown = prompt.find((id) => !(Number.isInteger(id) && id >= 0 && id < config.vocab_size))
    if (unknown !== undefined)
      throw new FeedError({
        where: 'prompt',
        what: 'a token id without a row in the embedding table',
        expected: `0 to ${config.vocab_size - 1}`,
        found: String(unknown),
      })
    const ends = new Set([eos_token_id].flat())
    const stream = random(seed, 'generate')
    const made: number[] = []
    let past = nothing()
    let fresh = prompt
    let seen = 0
    while (made.length < max_new_tokens && seen + fresh.length <= config.n_positions) {
      const results = await session.run({
        input_ids: row(fresh),
        position_ids: row(upTo(seen, seen + fresh.length)),
        segment_ids: row(fresh.map(() => 1)),
        past_position_ids: row(upTo(0, seen)),
        past_segment_ids: row(upTo(0, seen).map(() => 1)),
        ...past,
      })
      const logits = (results.logits as OrtTensor).data as Float32Array
      const id = nextToken(logits.subarray(logits.length - config.vocab_size), sampling, stream)
      if (ends.has(id)) break
      made.push(id)
      onToken?.(id)
      past = Object.fromEntries(names.map((name) => [`past.${name}`, results[`present.${name}`] as OrtTensor]))
      seen += fresh.length
      fresh = [id]
    }
    return made
  }
  return { generate, release: () => session.release() }
}
