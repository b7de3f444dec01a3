// The hidden states of every token of texts, for students that learn from them.

import { requireKind } from '@cola/graph/door'
import { type Checks, checkOptions, limit, text, whole } from '@cola/graph/options'
import { encodeTexts, padTokenId, requireList, strictMethods, type TokenSequence } from '@cola/data'
import { cloneGraph, type Graph, prune } from '@cola/graph'
import { type Device, feedsOf, type OrtTensor, openResolved } from '@cola/train'
import { adapterOf } from '../adapter/files.ts'
import { loadAdapter } from '../adapter/load.ts'
import { ConfigError } from '../errors.ts'
import type { AdaptedModel } from '../inject/adapted-model.ts'
import type { BaseModel } from '../load/base-model.ts'
import { withHead } from './head.ts'
import type { Releasable } from './task.ts'

/** A text as the model reads it. */
export interface TextStates {
  /** [tokens], with the special tokens that the tokenizer adds. */
  readonly input_ids: readonly number[]
  /** [token, width], row by row: transformers' `last_hidden_state` without padding. */
  readonly states: Float32Array
}

/** A model that is open for its hidden states; release it at the end. */
export interface HiddenStatesReader extends Releasable {
  /**
   * The last hidden states of texts; longer texts are cut.
   * @throws {DataError} naming what is no string.
   */
  readonly hiddenStates: (texts: readonly string[]) => Promise<TextStates[]>
}

/** How a model is opened for its hidden states. */
export interface HiddenStatesReaderOptions {
  /** @default 'auto' */
  device?: Device
  /** Longest text in tokens. @default the model's */
  max_length?: number
  /** Texts of a batch. @default 32 */
  batch_size?: number
}

const checks: Checks<HiddenStatesReaderOptions> = { device: text, max_length: limit, batch_size: whole(1) }

/**
 * Opens a model with an adapter, to read the last hidden states of all tokens: what its classification head reads at
 * one of them.
 * @param base What the model was built on, as `openBase` returns it.
 * @throws {ConfigError} for a model without a head, and an option that is unknown or out of its range; {DeviceError} when the device is not available.
 */
export async function openHiddenStates(
  base: BaseModel,
  model: AdaptedModel,
  options: HiddenStatesReaderOptions = {},
): Promise<HiddenStatesReader> {
  checkOptions('openHiddenStates', options, checks)
  requireKind('openHiddenStates, base', base, 'object')
  const { device = 'auto', max_length = base.max_length, batch_size = 32 } = options
  const graph = statesGraph(base, model)
  const output = graph.outputs[0] as string
  const place = base.batches(graph)
  const { tokenizer, vocab_size } = base
  const pad_token_id = padTokenId(base.config, tokenizer, vocab_size)
  const { session } = await openResolved(device, () => ({ graph }))
  const run = async (rows: readonly TokenSequence[]): Promise<TextStates[]> => {
    const { batch, starts } = place(rows)
    const results = await session.run(feedsOf(graph, graph.inputs, batch).feeds)
    const found = results[output] as OrtTensor
    const data = found.data as Float32Array
    const width = found.dims.at(-1) as number
    return rows.map(({ input_ids }, i) => {
      const start = (starts[i] as number) * width
      return { input_ids, states: data.slice(start, start + input_ids.length * width) }
    })
  }
  const hiddenStates = async (texts: readonly string[]): Promise<TextStates[]> => {
    requireList(texts, 'texts')
    const { rows } = encodeTexts(tokenizer, texts, { max_length, vocab_size, pad_token_id })
    const lengthOf = (i: number) => (rows[i] as TokenSequence).input_ids.length
    const order = [...rows.keys()].sort((a, b) => lengthOf(a) - lengthOf(b))
    const found = new Array<TextStates>(rows.length)
    for (let at = 0; at < order.length; at += batch_size) {
      const indices = order.slice(at, at + batch_size)
      const states = await run(indices.map((i) => rows[i] as TokenSequence))
      indices.forEach((i, k) => {
        found[i] = states[k] as TextStates
      })
    }
    return found
  }
  return {
    ...strictMethods({ hiddenStates }),
    release: () => session.release(),
  }
}

/**
 * The graph whose output is the hidden states of all tokens. A head at one token has moved its Gather into the last
 * layer, so the adapter goes on the base with a head that reads every token, which is then cut off.
 */
function statesGraph(base: BaseModel, adapted: AdaptedModel): Graph {
  const { head } = adapted
  if (!head)
    throw new ConfigError({
      where: 'hiddenStates',
      what: 'the model has no classification head',
      fix: 'Put one on it with withHead, and the adapter on that with loadAdapter.',
    })
  const states = base.hiddenStates()
  const headed = withHead(states, {
    num_labels: head.num_labels,
    pooling: 'none',
    name: head.name,
    layers: head.layers ?? [],
    bias: adapted.graph.initializers.has(`${head.name}.bias`),
  })
  const { graph } = loadAdapter(headed, adapterOf(adapted))
  const only = { ...cloneGraph(graph), outputs: [states.graph.outputs[0] as string] }
  prune(only)
  return only
}
