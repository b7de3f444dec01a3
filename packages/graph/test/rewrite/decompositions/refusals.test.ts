// What decompositions refuse, by node and attribute; and the normalization inside GroupQueryAttention, for which the
// runtime has no kernel on CPU.

import { describe, expect, it } from 'vitest'
import {
  addInput,
  type Attributes,
  build,
  createGraph,
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

function decomposed(opType: string, attributes: Attributes, inputs: Inputs, outputs = ['y']): Graph {
  const graph = createGraph('one')
  const g = build(graph)
  const given = inputs(g)
  const names = given.map((value) => value?.name ?? '')
  decompose(g, { name: 'layer', opType, domain: 'com.microsoft', inputs: names, outputs, attributes })
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

describe('a form that is not supported', () => {
  const cases: [string, string, Attributes, Inputs, string[], RegExp][] = [
    [
      'an unknown attribute',
      'GroupQueryAttention',
      { ...heads, other: 1 },
      packed,
      ['y'],
      /"layer".*attribute "other"/,
    ],
    ['a value', 'GroupQueryAttention', { ...heads, causal: 0 }, packed, ['y'], /"layer".*attribute "causal".*found 0/],
    [
      'a quantized cache',
      'GroupQueryAttention',
      { ...heads, k_quant_type: 'PER_TENSOR' },
      packed,
      ['y'],
      /k_quant_type/,
    ],
    ['an output', 'GroupQueryAttention', heads, packed, ['y', '', '', 'qk'], /output 3 \("qk"\) is not supported/],
    ['a type', 'FastGelu', { alpha: 1 }, (g) => [addInput(g.graph, 'x', 'float32', [2])], ['y'], /attribute "alpha"/],
    [
      'a mask',
      'MultiHeadAttention',
      { num_heads: 2 },
      (g) => [
        ...['q', 'k', 'v'].map((name) => addInput(g.graph, name, 'float32', ['batch', 'sequence', 8])),
        undefined,
        addInput(g.graph, 'mask', 'int32', ['3*batch+2']),
      ],
      ['y'],
      /"layer".*a form of the mask.*\[3\*batch\+2\]/,
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
    const inside = decomposed('GroupQueryAttention', { ...heads, qk_norm_epsilon: 0.1 }, (g) => {
      const [q, k] = weights(g)
      return [...packed(g), ...Array.from({ length: 7 }, () => undefined), q, k]
    })
    const outside = decomposed('GroupQueryAttention', heads, (g) => {
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
