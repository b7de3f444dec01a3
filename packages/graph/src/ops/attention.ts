// Rows of attention operators of the runtime that generation runs as a file has them.

import { addDims, divDims, mulDims } from '../ir/dim.ts'
import { input, int, like, type Operator } from './operator.ts'

/** Inputs of GroupQueryAttention that hold past keys and values. */
export const [pastKey, pastValue] = [3, 4] as const

/** Inputs of GroupQueryAttention that hold weights of the normalizations of queries and keys. */
export const [queryNorm, keyNorm] = [14, 15] as const

export const attention = {
  /**
   * Causal attention with a cache; keys and values may be packed behind the queries. Outputs: the result, present keys,
   * present values, scores. An operator of ONNX Runtime.
   */
  GroupQueryAttention: {
    inputs: [7, 17],
    attributes: {
      causal: ['int', 1],
      do_rotary: ['int', 0],
      k_norm_epsilon: ['float'],
      k_quant_type: ['string', 'NONE'],
      kv_cache_bit_width: ['int', 0],
      kv_num_heads: ['int'],
      local_window_size: ['int', -1],
      num_heads: ['int'],
      q_norm_epsilon: ['float'],
      qk_norm_epsilon: ['float', 1e-6],
      qk_output: ['int', 0],
      rotary_interleaved: ['int', 0],
      scale: ['float', 0],
      sliding_window_cache: ['int', 0],
      smooth_softmax: ['int', -1],
      softcap: ['float', 0],
      v_quant_type: ['string', 'NONE'],
    },
    domain: 'com.microsoft',
    infer: (c) => {
      const query = input(c, 0)
      const [batch = 1, sequence = 1, width = 1] = query.shape
      const [heads, groups] = [int(c, 'num_heads'), int(c, 'kv_num_heads')]
      const size = divDims(width, c.x[1] ? heads : heads + 2 * groups) ?? c.unknownDim()
      const [keys, values] = [pastKey, pastValue].map((i) => c.x[i])
      const total = keys ? addDims(keys.shape[2] ?? 0, sequence) : sequence
      const present = (past: typeof keys) => like(past ?? query, [batch, groups, total, size])
      return [
        like(query, [batch, sequence, mulDims(size, heads)]),
        present(keys),
        present(values),
        like(query, [batch, heads, sequence, total]),
      ]
    },
  },
} satisfies Record<string, Operator>
