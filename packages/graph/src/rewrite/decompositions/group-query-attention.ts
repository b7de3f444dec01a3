// GroupQueryAttention of the runtime: causal attention with rotary positions and a cache of keys and values inside.

import type { Value } from '../../ir/graph.ts'
import { attention, keyNorm, queryNorm } from '../../ops/attention.ts'
import { cast } from '../../ops/composite.ts'
import { type Decomposition, type FusedContext, int, required, unsupported } from './decomposition.ts'
import { attend, joinHeads, known, sinkOf, split, splitHeads } from './heads.ts'
import { causal, indices, maskBias, ofScores, ofTexts, sizeOf } from './masks.ts'
import { anglesAt, firstAngles, rotate } from './rotary.ts'

const operator = attention.GroupQueryAttention

const input = {
  ...{ query: 0, key: 1, value: 2, pastKey: 3, pastValue: 4, lastKey: 5, total: 6, cos: 7, sin: 8, positions: 9 },
  ...{ bias: 10, sink: 11, keyScale: 12, valueScale: 13, queryNorm, keyNorm, queryLengths: 16 },
} as const

export const groupQueryAttention = {
  'com.microsoft.GroupQueryAttention': {
    inputs: operator.inputs,
    attributes: operator.attributes,
    supported: {
      causal: [1],
      k_quant_type: ['NONE'],
      kv_cache_bit_width: [0],
      qk_output: [0],
      v_quant_type: ['NONE'],
    },
    apply: (c) => {
      const { g, x } = c
      refuseInputs(c)
      const { q, k, v } = headsOf(c)
      const cached = x[input.pastKey] && x[input.pastValue] ? cacheOf(c, q) : undefined
      if (cached && int(c, 'sliding_window_cache') === 1)
        throw unsupported(c, 'attribute "sliding_window_cache" is not supported with past keys', {
          fix: 'Read the decoded graph without its cache: withoutCache.',
        })
      const angles = anglesOf(c, q, cached)
      const turn = (value: Value) => (angles ? rotate(c, value, angles, int(c, 'rotary_interleaved') === 1) : value)
      const [turned, newKeys] = [turn(q), turn(k)]
      const [keys, values] = cached
        ? [joined(c, required(c, input.pastKey), newKeys, cached), joined(c, required(c, input.pastValue), v, cached)]
        : [newKeys, v]
      const query = cached ? g.Add(cached.past, column(c, indices(g, q, 2))) : column(c, indices(g, q, 2))
      const key = cached ? cached.slots : indices(g, q, 2)
      const mask = maskBias(g, [causal(g, query, key, int(c, 'local_window_size'))])
      const bias = x[input.bias]
      const hasSink = x[input.sink] !== undefined || int(c, 'smooth_softmax') === 1
      const { output } = attend(c, {
        q: turned,
        k: keys,
        v: values,
        factor: Number(c.attributes.scale) || 1 / Math.sqrt(known(c, q.shape[3], 'the size of a head')),
        softcap: Number(c.attributes.softcap),
        biases: [...(bias ? [ofScores(c, input.bias, bias, { q: turned, k: keys })] : []), ...mask],
        zeroUnseeing: bias !== undefined && !hasSink,
        sink: hasSink ? sinkOf(g, q, int(c, 'num_heads'), x[input.sink]) : undefined,
      })
      return [joinHeads(c, output), keys, values]
    },
  },
} satisfies Record<string, Decomposition>

/** [sequence] as [sequence, 1]. */
const column = ({ g }: FusedContext, row: Value): Value => g.Unsqueeze(row, g.int64([1]))

/** @throws {UnsupportedOperatorError} for a quantized cache and for lengths of queries. */
function refuseInputs(c: FusedContext): void {
  for (const name of ['keyScale', 'valueScale', 'queryLengths'] as const)
    if (c.x[input[name]])
      throw unsupported(c, `input ${input[name]} ("${c.node.inputs[input[name]]}") is not supported`)
  for (const [a, b] of [
    ['pastKey', 'pastValue'],
    ['cos', 'sin'],
    ['queryNorm', 'keyNorm'],
  ] as const)
    if (Boolean(c.x[input[a]]) !== Boolean(c.x[input[b]]))
      throw unsupported(c, `of inputs ${input[a]} and ${input[b]} one is missing`)
}

/** Queries, keys and values [batch, heads, sequence, size], from one packed input or three. */
function headsOf(c: FusedContext): { q: Value; k: Value; v: Value } {
  const { g, x } = c
  const [heads, groups] = [int(c, 'num_heads'), int(c, 'kv_num_heads')]
  if (!(heads > 0 && groups > 0)) throw unsupported(c, 'attributes "num_heads" and "kv_num_heads" are needed')
  const packed = required(c, input.query)
  const size = known(c, packed.shape[2], 'the width of the query') / (heads + 2 * groups)
  const [q, k, v] = x[input.key]
    ? [packed, required(c, input.key), required(c, input.value)]
    : (split(g, packed, [heads * size, groups * size, groups * size], 2) as [Value, Value, Value])
  return {
    q: normalized(c, splitHeads(c, q, heads), 'query'),
    k: normalized(c, splitHeads(c, k, groups), 'key'),
    v: splitHeads(c, v, groups),
  }
}

/** RMS normalization of each head, where the node has it (Qwen3). */
function normalized(c: FusedContext, x: Value, of: 'query' | 'key'): Value {
  const weight = c.x[input[`${of}Norm`]]
  const { [`${of[0]}_norm_epsilon`]: own, qk_norm_epsilon: shared } = c.attributes
  return weight ? c.g.RMSNormalization(x, weight, { axis: -1, epsilon: Number(own ?? shared) }) : x
}

/** A cache of earlier keys, of which each text may have filled another number of slots. */
interface Cache {
  /** Number of earlier tokens of each text, float32 [batch, 1, 1, 1]. */
  readonly past: Value
  /** Indices of the slots of past and new keys, float32 [slots]. */
  readonly slots: Value
  /** Index of each slot's key in the past keys followed by the new ones, int32 [batch, 1, slots, 1]. */
  readonly sources: Value
}

/**
 * The runtime's rule: the first call with a prompt (total = queries) has no past, whatever the cache holds; else a text
 * has `lastKey + 1 - queries` earlier tokens, and its new keys follow them.
 */
function cacheOf(c: FusedContext, q: Value): Cache {
  const { g } = c
  const pastKey = required(c, input.pastKey)
  const [queries, filled] = [sizeOf(g, q, 2), sizeOf(g, pastKey, 2)]
  const total = g.Reshape(cast(g, required(c, input.total), 'float32'), g.int64([1]))
  const lengths = ofTexts(g, required(c, input.lastKey))
  const earlier = g.Sub(g.Add(lengths, g.scalar(1)), queries)
  const past = g.Where(g.Equal(total, queries), g.Mul(earlier, g.scalar(0)), earlier)
  const slots = g.Concat(indices(g, pastKey, 2), g.Add(indices(g, q, 2), filled), { axis: 0 })
  const slot = g.Reshape(slots, g.int64([1, 1, -1, 1]))
  const last = g.Sub(g.Add(filled, queries), g.scalar(1))
  const added = g.Min(g.Add(g.Sub(slot, past), filled), last)
  const sources = g.Where(g.Less(slot, past), g.Add(slot, g.Mul(past, g.scalar(0))), added)
  return { past, slots, sources: cast(g, sources, 'int32') }
}

/** Past keys (or values) with the new ones after each text's last. */
function joined({ g }: FusedContext, past: Value, added: Value, { sources }: Cache): Value {
  const all = g.Concat(past, added, { axis: 2 })
  return g.GatherElements(all, cast(g, g.Expand(cast(g, sources, 'float32'), g.Shape(all)), 'int32'), { axis: 2 })
}

/** The angles of the queries' and the new keys' positions; undefined without rotation inside. */
function anglesOf(c: FusedContext, q: Value, cached: Cache | undefined) {
  const { g, x } = c
  if (int(c, 'do_rotary') !== 1) return undefined
  const caches = [required(c, input.cos), required(c, input.sin)] as const
  if (x[input.positions]) return anglesAt(g, caches, x[input.positions] as Value)
  if (!cached) return firstAngles(g, caches, q, 2)
  const positions = g.Add(g.Reshape(cached.past, g.int64([-1, 1])), indices(g, q, 2))
  return anglesAt(g, caches, cast(g, positions, 'int32'))
}
