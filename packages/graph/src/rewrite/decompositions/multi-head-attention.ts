// The runtime's MultiHeadAttention and Attention, of encoders and of decoders with as many heads of keys as of queries.

import type { Value } from '../../ir/graph.ts'
import { cast } from '../../ops/composite.ts'
import { type Decomposition, type FusedContext, int, required, unsupported } from './decomposition.ts'
import { afterPast, attend, joinHeads, known, split, splitHeads } from './heads.ts'
import { maskBias, ofScores, sizeOf, upTo, within } from './masks.ts'

/** What is added to the scores of masked keys by default. */
const filter: Decomposition['attributes'][string] = ['float', -10000]

export const multiHeadAttention = {
  /** Queries, keys, values, bias, padding mask of keys, bias of scores, past keys, past values. */
  'com.microsoft.MultiHeadAttention': {
    inputs: [1, 10],
    attributes: { mask_filter_value: filter, num_heads: ['int'], scale: ['float', 0], unidirectional: ['int', 0] },
    apply: (c) => {
      const [, , , bias, mask, scoreBias, pastKeys, pastValues] = c.x
      for (const i of [8, 9]) if (c.x[i]) throw unsupported(c, `input ${i} ("${c.node.inputs[i]}") is not supported`)
      const heads = headCount(c)
      const { q, k, v } = separateInputs(c, heads, bias)
      return attention(c, { q, k, v, pastKeys, pastValues, mask, scoreBias, places: [4, 5] })
    },
  },
  /** x, matrix and bias of the projections, mask, past keys and values in one tensor, bias of scores. */
  'com.microsoft.Attention': {
    inputs: [2, 7],
    attributes: {
      do_rotary: ['int', 0],
      mask_filter_value: filter,
      num_heads: ['int'],
      past_present_share_buffer: ['int', 0],
      qkv_hidden_sizes: ['ints'],
      rotary_embedding_dim: ['int', 0],
      scale: ['float', 0],
      unidirectional: ['int', 0],
    },
    supported: { do_rotary: [0], past_present_share_buffer: [0] },
    apply: (c) => {
      const { g } = c
      const [x, matrix] = [required(c, 0), required(c, 1)]
      const [, , bias, mask, past, scoreBias, pastLength] = c.x
      if (pastLength) throw unsupported(c, `input 6 ("${c.node.inputs[6]}") is not supported`)
      const product = g.MatMul(x, matrix)
      const parts = splitLast(c, bias ? g.Add(product, bias) : product, projectedSizes(c, matrix))
      const [q, k, v] = parts.map((part) => splitHeads(c, part, headCount(c))) as [Value, Value, Value]
      const [pastKeys, pastValues] = past ? halves(c, past) : []
      const [output, keys, values] = attention(c, {
        ...{ q, k, v, pastKeys, pastValues, mask, scoreBias },
        places: [3, 5],
      })
      const pair = (value: Value) => g.Unsqueeze(value, g.int64([0]))
      return [output, c.wants(1) ? g.Concat(pair(keys as Value), pair(values as Value), { axis: 0 }) : undefined]
    },
  },
} satisfies Record<string, Decomposition>

function headCount(c: FusedContext): number {
  const heads = int(c, 'num_heads')
  if (heads > 0) return heads
  throw unsupported(c, 'attribute "num_heads" is missing')
}

interface Inputs {
  /** [batch, heads, sequence, size] */
  readonly q: Value
  readonly k: Value
  readonly v: Value
  readonly pastKeys: Value | undefined
  readonly pastValues: Value | undefined
  readonly mask: Value | undefined
  readonly scoreBias: Value | undefined
  /** Which inputs of the operator mask and bias are. */
  readonly places: readonly [mask: number, scoreBias: number]
}

/** The output [batch, sequence, width], and present keys and values. */
function attention(c: FusedContext, inputs: Inputs): Value[] {
  const { g } = c
  const { q, pastKeys, pastValues, mask, scoreBias, places } = inputs
  if (Boolean(pastKeys) !== Boolean(pastValues)) throw unsupported(c, 'of past keys and past values one is missing')
  const [k, v] = [afterPast(g, pastKeys, inputs.k), afterPast(g, pastValues, inputs.v)]
  const visible = (value: Value) => ofScores(c, places[0], unmasked(c, value, k), { q, k })
  const { output } = attend(c, {
    q,
    k,
    v,
    factor: Number(c.attributes.scale) || 1 / Math.sqrt(known(c, q.shape[3], 'the size of a head')),
    biases: [
      ...(mask ? maskBias(g, [visible(mask)], Number(c.attributes.mask_filter_value)) : []),
      ...(scoreBias ? [ofScores(c, places[1], scoreBias, { q, k })] : []),
      ...(int(c, 'unidirectional') === 1 ? maskBias(g, [upTo(g, q, k, pastKeys && sizeOf(g, pastKeys, 2))]) : []),
    ],
  })
  return [joinHeads(c, output), k, v]
}

/**
 * Where a mask lets keys pass. It is [batch, keys] or [batch, queries, keys] with 1 for real keys, or [batch]: the
 * number of keys.
 * @throws {UnsupportedOperatorError} for a mask of other forms.
 */
function unmasked(c: FusedContext, mask: Value, k: Value): Value {
  const { g } = c
  const { shape } = mask
  if (shape.length === 1 && shape[0] === k.shape[0]) return within(g, k, mask)
  const inserted = { 2: [1, 2], 3: [1] }[shape.length]
  if (!inserted)
    throw unsupported(c, 'a form of the mask that is not supported', {
      expected: '[batch, keys], [batch, queries, keys] or lengths [batch]',
      found: `[${shape}]`,
      fix: 'Export the model with an attention mask of ones and zeros.',
    })
  return g.Greater(g.Unsqueeze(cast(g, mask, 'float32'), g.int64(inserted)), g.scalar(0))
}

/** Parts of a value along its last axis. */
const splitLast = ({ g }: FusedContext, x: Value, sizes: readonly number[]): Value[] =>
  split(g, x, sizes, x.shape.length - 1)

/** Widths of queries, keys and values in the matrix of Attention. */
function projectedSizes(c: FusedContext, matrix: Value): readonly number[] {
  const { qkv_hidden_sizes: sizes } = c.attributes
  if (Array.isArray(sizes) && sizes.length > 0) return sizes as number[]
  const width = known(c, matrix.shape[1], 'the width of the projections') / 3
  return [width, width, width]
}

/** The two tensors of a cache [2, batch, heads, past, size]. */
function halves({ g }: FusedContext, past: Value): Value[] {
  return split(g, past, [1, 1], 0).map((part) => g.Squeeze(part, g.int64([0])))
}

/** The inputs of MultiHeadAttention by heads, with the bias of their projections. */
function separateInputs(c: FusedContext, heads: number, bias: Value | undefined): { q: Value; k: Value; v: Value } {
  const { g } = c
  const [first, second, third] = [required(c, 0), c.x[1], c.x[2]]
  if (first.shape.length !== 3 || second?.shape.length === 5 || !second || !third)
    throw unsupported(c, 'packed queries, keys and values are not supported', {
      expected: 'three inputs [batch, sequence, width]',
      found: `[${first.shape}]`,
    })
  // Keys and values of another text come by heads, and have had their bias.
  if (second.shape.length === 4) {
    const [part] = bias ? splitBias(c, bias, [first]) : []
    return { q: splitHeads(c, part ? g.Add(first, part) : first, heads), k: second, v: third }
  }
  const inputs = [first, second, third]
  const biases = bias ? splitBias(c, bias, inputs) : []
  const [q, k, v] = inputs.map((x, i) => splitHeads(c, biases[i] ? g.Add(x, biases[i]) : x, heads)) as [
    Value,
    Value,
    Value,
  ]
  return { q, k, v }
}

/** The parts of a bias for values of known widths. */
function splitBias(c: FusedContext, bias: Value, inputs: readonly Value[]): Value[] {
  const widths = inputs.map((x) => known(c, x.shape[2], 'the width'))
  const rest = known(c, bias.shape[0], 'the length of the bias') - widths.reduce((a, b) => a + b, 0)
  return splitLast(c, bias, rest > 0 ? [...widths, rest] : widths)
}
