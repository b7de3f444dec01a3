// Decompositions of ONNX's Attention and RotaryEmbedding of opset 23.

import type { Value } from '../../ir/graph.ts'
import type { Decomposition, FusedContext } from './decomposition.ts'
import { unsupported } from './decomposition.ts'

export const attention = {
  Attention: {
    inputs: [3, 4],
    attributes: {
      is_causal: ['int', 0],
      kv_num_heads: ['int'],
      q_num_heads: ['int'],
      qk_matmul_output_mode: ['int', 0],
      scale: ['float'],
      softcap: ['float', 0],
      softmax_precision: ['int'],
    },
    supported: { is_causal: [0], softcap: [0] },
    apply: (c) => {
      const { g } = c
      const [q, k, v, mask] = c.x
      const [heads, size] = [q?.shape[1], q?.shape[3]]
      const { scale } = c.attributes
      if (!q || !k || !v || q.shape.length !== 4 || typeof heads !== 'number' || typeof size !== 'number')
        throw unsupportedForm(c)
      const factor = typeof scale === 'number' ? scale : 1 / Math.sqrt(size)
      const scores = g.MatMul(
        g.Mul(q, g.scalar(factor, q.dtype)),
        g.Transpose(repeatHeads(c, k, heads), { perm: [0, 1, 3, 2] }),
      )
      const bias = mask?.dtype === 'bool' ? g.Where(mask, g.scalar(0, q.dtype), g.scalar(lowest, q.dtype)) : mask
      const weights = g.Softmax(bias ? g.Add(scores, bias) : scores, { axis: -1 })
      return [g.MatMul(weights, repeatHeads(c, v, heads))]
    },
  },
  RotaryEmbedding: {
    inputs: [3, 4],
    attributes: { interleaved: ['int', 0], num_heads: ['int', 0], rotary_embedding_dim: ['int', 0] },
    supported: { interleaved: [0] },
    apply: (c) => {
      const { g } = c
      const [x, cosines, sines, positions] = c.x
      const size = x?.shape[3]
      if (!x || !cosines || !sines || x.shape.length !== 4 || typeof size !== 'number') throw unsupportedForm(c)
      const rotated = Number(c.attributes.rotary_embedding_dim) || size
      const half = rotated / 2
      const [a, b, rest] = g.node('Split', [x, g.int64([half, half, ...(rotated < size ? [size - rotated] : [])])], {
        outputCount: rotated < size ? 3 : 2,
        attributes: { axis: 3 },
      }) as [Value, Value, Value | undefined]
      const [cos, sin] = [cosines, sines].map((cache) =>
        g.Unsqueeze(positions ? g.Gather(cache, positions) : cache, g.int64([1])),
      ) as [Value, Value]
      const parts = [g.Sub(g.Mul(a, cos), g.Mul(b, sin)), g.Add(g.Mul(a, sin), g.Mul(b, cos)), ...(rest ? [rest] : [])]
      return [g.Concat(...parts, { axis: 3 })]
    },
  },
} satisfies Record<string, Decomposition>

/** The lowest finite float32, instead of -Infinity, so that a row whose positions are all masked is not NaN. */
const lowest = -3.4028234663852886e38

/** Repeats each head of keys or values for the query heads of its group. */
function repeatHeads(c: FusedContext, value: Value, heads: number): Value {
  const { g } = c
  const [, groups, , size] = value.shape
  if (groups === heads) return value
  if (typeof groups !== 'number' || typeof size !== 'number' || heads % groups !== 0) throw unsupportedForm(c)
  const repeated = g.Expand(g.Unsqueeze(value, g.int64([2])), g.int64([1, 1, heads / groups, 1, 1]))
  return g.Reshape(repeated, g.int64([0, heads, -1, size]))
}

const unsupportedForm = (c: FusedContext) =>
  unsupported(c, 'a form that is not supported', {
    expected: 'four axes, heads of a known number and size',
    fix: "Export the model with opset 18 to 22, or with attn_implementation 'eager'.",
  })
