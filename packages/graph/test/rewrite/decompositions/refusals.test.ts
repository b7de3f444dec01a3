// What decompositions refuse, by node and attribute; and the normalization inside GroupQueryAttention, for which the
// runtime has no kernel on CPU.

import { describe, expect, it } from 'vitest'
import {
  addInput,
  type Attributes,
  build,
  createGraph,
  type Dim,
  float32,
  type Graph,
  lower,
  prune,
  UnsupportedOperatorError,
  type Value,
} from '../../../src/index.ts'
import { decompose } from '../../../src/rewrite/decompose.ts'
import { values } from '../../support/rewrites.ts'
import { of, run } from '../../support/run.ts'

type Inputs = (g: ReturnType<typeof build>) => (Value | undefined)[]

function decomposed(operator: string, attributes: Attributes, inputs: Inputs, outputs = ['y']): Graph {
  const graph = createGraph('one')
  const g = build(graph)
  const [opType, domain] = operator.split('.').reverse() as [string, string?]
  const given = inputs(g)
  const names = given.map((value) => value?.name ?? '')
  decompose(g, {
    ...{ name: 'layer', opType, domain: domain === 'microsoft' ? 'com.microsoft' : '' },
    ...{ inputs: names, outputs, attributes },
  })
  graph.outputs = outputs
  return graph
}

const heads = { num_heads: 2, kv_num_heads: 1 }
const packed: Inputs = (g) => [
  addInput(g.graph, 'x', 'float32', ['batch', 'sequence', 16]),
  ...[undefined, undefined, undefined, undefined],
  addInput(g.graph, 'last', 'int32', ['batch']),
  addInput(g.graph, 'total', 'int32', []),
]

type Case = [title: string, operator: string, Attributes, Inputs, outputs: string[], message: RegExp]
type Shape = readonly Dim[] | null

/** Inputs x0, x1, ... of the graph, float32 of the given shapes; null: omitted. */
const floats =
  (...shapes: Shape[]): Inputs =>
  ({ graph }) =>
    shapes.map((shape, i) => (shape ? addInput(graph, `x${i}`, 'float32', shape) : undefined))

/** The inputs, and others of theirs at further places. */
const and =
  (inputs: Inputs, others: Readonly<Record<number, Shape>>): Inputs =>
  (g) => {
    const values = inputs(g)
    for (const [i, shape] of Object.entries(others))
      values[Number(i)] = shape ? addInput(g.graph, `x${i}`, 'float32', shape) : undefined
    return Array.from(values)
  }

const text = ['batch', 'sequence', 8]
const byHeads = ['batch', 2, 3, 4]
const projections = floats(text, [8, 24], [24])

describe('a form that is not supported', () => {
  const cases: Case[] = [
    [
      'an unknown attribute',
      'com.microsoft.GroupQueryAttention',
      { ...heads, other: 1 },
      packed,
      ['y'],
      /"layer".*attribute "other"/,
    ],
    [
      'a value',
      'com.microsoft.GroupQueryAttention',
      { ...heads, causal: 0 },
      packed,
      ['y'],
      /"layer".*attribute "causal".*found 0/,
    ],
    [
      'a quantized cache',
      'com.microsoft.GroupQueryAttention',
      { ...heads, k_quant_type: 'PER_TENSOR' },
      packed,
      ['y'],
      /k_quant_type/,
    ],
    [
      'an output',
      'com.microsoft.GroupQueryAttention',
      heads,
      packed,
      ['y', '', '', 'qk'],
      /output 3 \("qk"\) is not supported/,
    ],
    [
      'a type',
      'com.microsoft.FastGelu',
      { alpha: 1 },
      (g) => [addInput(g.graph, 'x', 'float32', [2])],
      ['y'],
      /attribute "alpha"/,
    ],
    [
      'a mask',
      'com.microsoft.MultiHeadAttention',
      { num_heads: 2 },
      (g) => [
        ...['q', 'k', 'v'].map((name) => addInput(g.graph, name, 'float32', ['batch', 'sequence', 8])),
        undefined,
        addInput(g.graph, 'mask', 'int32', ['3*batch+2']),
      ],
      ['y'],
      /"layer".*a form of the mask.*\[3\*batch\+2\]/,
    ],
    [
      'a narrow mask',
      'Attention',
      {},
      and(floats(byHeads, byHeads, byHeads), { 3: [3, 2] }),
      ['y'],
      /"layer".*input 3 \("x3"\) has other sizes than the scores.*\[batch,2,3,3\].*found \[3,2\]/,
    ],
    [
      'a mask narrower than past and new keys',
      'Attention',
      {},
      and(floats(byHeads, byHeads, byHeads), { 3: [3, 3], 4: byHeads, 5: byHeads }),
      ['y'],
      /"layer".*input 3 \("x3"\).*found \[3,3\]/,
    ],
    [
      'a narrow mask of keys',
      'com.microsoft.MultiHeadAttention',
      { num_heads: 2 },
      floats(['batch', 3, 8], ['batch', 3, 8], ['batch', 3, 8], null, ['batch', 2]),
      ['y'],
      /"layer".*input 4 \("x4"\) has other sizes/,
    ],
    [
      'a narrow bias of scores',
      'com.microsoft.MultiHeadAttention',
      { num_heads: 2 },
      floats(['batch', 3, 8], ['batch', 3, 8], ['batch', 3, 8], null, null, [1, 2, 3, 2]),
      ['y'],
      /"layer".*input 5 \("x5"\) has other sizes/,
    ],
    [
      'a narrow mask beside a projection',
      'com.microsoft.Attention',
      { num_heads: 2 },
      and(floats(['batch', 3, 8], [8, 24], [24]), { 3: ['batch', 2] }),
      ['y'],
      /"layer".*input 3 \("x3"\) has other sizes/,
    ],
    [
      'a bias of other heads',
      'com.microsoft.GroupQueryAttention',
      heads,
      and(packed, { 10: [1, 3, 'sequence', 'sequence'] }),
      ['y'],
      /"layer".*input 10 \("x10"\) has other sizes/,
    ],
    [
      'lengths beside a past',
      'Attention',
      {},
      and(floats(byHeads, byHeads, byHeads), { 4: byHeads, 5: byHeads, 6: ['batch'] }),
      ['y'],
      /"layer".*inputs 4 .* and 6 .* exclude each other/,
    ],
    [
      'half a cache',
      'Attention',
      {},
      and(floats(byHeads, byHeads, byHeads), { 4: byHeads }),
      ['y'],
      /"layer".*of inputs 4 and 5 one is missing/,
    ],
    [
      'three axes without heads',
      'Attention',
      {},
      floats(text, text, text),
      ['y'],
      /attribute "q_num_heads" is missing/,
    ],
    [
      'a precision of Softmax',
      'Attention',
      { softmax_precision: 11 },
      floats(byHeads, byHeads, byHeads),
      ['y'],
      /"layer".*attribute "softmax_precision".*0 or 1 or 10 or 16.*found 11/,
    ],
    [
      'packed queries, keys and values',
      'com.microsoft.MultiHeadAttention',
      { num_heads: 2 },
      floats(['batch', 'sequence', 2, 3, 4]),
      ['y'],
      /"layer".*packed queries, keys and values/,
    ],
    [
      'packed keys and values',
      'com.microsoft.MultiHeadAttention',
      { num_heads: 2 },
      floats(text, ['batch', 'sequence', 2, 2, 4]),
      ['y'],
      /"layer".*packed queries, keys and values/,
    ],
    [
      'the length of a past',
      'com.microsoft.MultiHeadAttention',
      { num_heads: 2 },
      and(floats(text, text, text), { 8: [1] }),
      ['y'],
      /"layer".*input 8 \("x8"\) is not supported/,
    ],
    [
      'beams',
      'com.microsoft.MultiHeadAttention',
      { num_heads: 2 },
      and(floats(text, text, text), { 9: ['batch', 1, 'keys'] }),
      ['y'],
      /"layer".*input 9 \("x9"\) is not supported/,
    ],
    [
      'the length of a past beside a projection',
      'com.microsoft.Attention',
      { num_heads: 2 },
      and(projections, { 6: [1] }),
      ['y'],
      /"layer".*input 6 \("x6"\) is not supported/,
    ],
    [
      'rotation beside a projection',
      'com.microsoft.Attention',
      { num_heads: 2, do_rotary: 1 },
      projections,
      ['y'],
      /"layer".*attribute "do_rotary".*found 1/,
    ],
    [
      'a shared buffer',
      'com.microsoft.Attention',
      { num_heads: 2, past_present_share_buffer: 1 },
      projections,
      ['y'],
      /"layer".*attribute "past_present_share_buffer".*found 1/,
    ],
    [
      'a cache that slides',
      'com.microsoft.GroupQueryAttention',
      { ...heads, sliding_window_cache: 1, local_window_size: 2 },
      and(packed, { 3: ['batch', 1, 'past', 4], 4: ['batch', 1, 'past', 4] }),
      ['y'],
      /"layer".*attribute "sliding_window_cache" is not supported with past keys.*withoutCache/,
    ],
    ...(['queryLengths', 'keyScale', 'valueScale'] as const).map((name, i) => {
      const place = [16, 12, 13][i] as number
      return [
        name,
        'com.microsoft.GroupQueryAttention',
        heads,
        and(packed, { [place]: [1] }),
        ['y'],
        new RegExp(`"layer".*input ${place} \\("x${place}"\\) is not supported`),
      ] as Case
    }),
    [
      'inputs in another order',
      'com.microsoft.MatMulNBits',
      { K: 32, N: 2, block_size: 32 },
      floats([3, 32], [2, 1, 16], [2], null, [32]),
      ['y'],
      /"layer".*input 4 \(g_idx/,
    ],
    [
      'computed codes',
      'com.microsoft.MatMulNBits',
      { K: 32, N: 2, block_size: 32 },
      floats([3, 32], [2, 1, 16], [2]),
      ['y'],
      /"layer".*input 1 \("x1"\) is computed/,
    ],
    [
      'computed codes of a table',
      'com.microsoft.GatherBlockQuantized',
      {},
      floats([4, 16], [3], [4, 1]),
      ['y'],
      /"layer".*input 0 \("x0"\) is computed/,
    ],
    [
      'computed codes of bitsandbytes',
      'com.microsoft.MatMulBnb4',
      { K: 32, N: 2, block_size: 32, quant_type: 1 },
      floats([3, 32], [32], [2]),
      ['y'],
      /"layer".*input 1 \("x1"\) is computed/,
    ],
    [
      'another type of dequantized numbers',
      'DequantizeLinear',
      { output_dtype: 10 },
      floats([3, 32], [1]),
      ['y'],
      /"layer".*attribute "output_dtype".*0 or 1.*found 10/,
    ],
    [
      'positions of other sizes',
      'com.microsoft.RotaryEmbedding',
      {},
      floats(['batch', 'sequence', 8], [2], [9, 2], [9, 2]),
      ['y'],
      /"layer".*input 1 \("x1"\) has a form of positions.*found \[2\]/,
    ],
    [
      'scaled angles',
      'com.microsoft.RotaryEmbedding',
      { scale: 0.5 },
      floats(['batch', 'sequence', 8], ['batch', 'sequence'], [9, 2], [9, 2]),
      ['y'],
      /"layer".*attribute "scale".*expected 1, found 0.5/,
    ],
  ]
  it.each(cases)('%s is refused, by node and attribute', (_, opType, attributes, inputs, outputs, message) => {
    const attempt = () => decomposed(opType, attributes, inputs, outputs)
    expect(attempt).toThrow(UnsupportedOperatorError)
    expect(attempt).toThrow(message)
  })
})

describe('GroupQueryAttention with normalized heads', () => {
  it('computes attention of normalized queries and keys', async () => {
    const weights = (g: ReturnType<typeof build>) =>
      [1, 2].map((salt) => g.constant(`w${salt}`, float32([4], values(4, salt)))) as [Value, Value]
    const inside = decomposed('com.microsoft.GroupQueryAttention', { ...heads, qk_norm_epsilon: 0.1 }, (g) => {
      const [q, k] = weights(g)
      return [...packed(g), ...Array.from({ length: 7 }, () => undefined), q, k]
    })
    const outside = decomposed('com.microsoft.GroupQueryAttention', heads, (g) => {
      const [x, , , , , last, total] = packed(g) as [Value, ...Value[]]
      const [wq, wk] = weights(g)
      const [q, k, v] = g.node('Split', [x, g.int64([8, 4, 4])], { outputCount: 3, attributes: { axis: 2 } }) as [
        Value,
        Value,
        Value,
      ]
      const normalized = (value: Value, count: number, weight: Value) => {
        const byHeads = g.Reshape(value, g.int64([0, 0, count, 4]))
        const result = g.RMSNormalization(byHeads, weight, { axis: -1, epsilon: 0.1 })
        return g.Reshape(result, g.int64([0, 0, count * 4]))
      }
      return [normalized(q, 2, wq), normalized(k, 1, wk), v, undefined, undefined, last, total]
    })
    const results = await Promise.all(
      [inside, outside].map(async (graph) => {
        const runnable = lower(graph)
        prune(runnable, { inputs: true })
        return (await run(runnable, { x: of('float32', [2, 3, 16], values(96, 3)) })).get('y')?.data ?? []
      }),
    )
    expect(results[0]).toHaveLength(48)
    expect(results[0]).toBeAllclose(results[1] ?? [])
  })
})
