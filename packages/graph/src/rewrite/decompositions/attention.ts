// ONNX's own Attention, of opset 23 and 24.

import type { Value } from '../../ir/graph.ts'
import { type Decomposition, type FusedContext, int, required, unsupported } from './decomposition.ts'
import { afterPast, type Attended, attend, joinHeads, known, splitHeads } from './heads.ts'
import { maskBias, ofScores, ofTexts, sizeOf, upTo, within } from './masks.ts'

/** What the fourth output is, by `qk_matmul_output_mode`. */
const modes: readonly (keyof Attended)[] = ['scores', 'capped', 'biased', 'weights']

export const attention = {
  /** q, k, v with three or four axes, mask, past keys, past values, lengths of keys. */
  Attention: {
    inputs: [3, 7],
    attributes: {
      is_causal: ['int', 0],
      kv_num_heads: ['int', 0],
      q_num_heads: ['int', 0],
      qk_matmul_output_mode: ['int', 0],
      scale: ['float'],
      softcap: ['float', 0],
      softmax_precision: ['int', 1],
    },
    supported: { softmax_precision: [0, 1, 10, 16] },
    apply: (c) => {
      const { g } = c
      const [q, newKeys, newValues] = [0, 1, 2].map((i) => inHeads(c, i)) as [Value, Value, Value]
      const [, , , given, pastKeys, pastValues, lengths] = c.x
      if (Boolean(pastKeys) !== Boolean(pastValues)) throw unsupported(c, 'of inputs 4 and 5 one is missing')
      if (pastKeys && lengths) throw unsupported(c, 'inputs 4 (past keys) and 6 (lengths of keys) exclude each other')
      const [k, v] = [afterPast(g, pastKeys, newKeys), afterPast(g, pastValues, newValues)]
      const mask = given && ofScores(c, 3, given, { q, k })
      const isCausal = int(c, 'is_causal') === 1
      const { scale } = c.attributes
      const attended = attend(c, {
        q,
        k,
        v,
        factor: typeof scale === 'number' ? scale : 1 / Math.sqrt(known(c, q.shape[3], 'the size of a head')),
        softcap: Number(c.attributes.softcap),
        biases: [
          ...(mask && mask.dtype !== 'bool' ? [mask] : []),
          ...maskBias(g, [
            ...(isCausal ? [upTo(g, q, k, beforeQueries(c, q))] : []),
            ...(mask?.dtype === 'bool' ? [mask] : []),
            ...(lengths && !isCausal ? [within(g, k, lengths)] : []),
          ]),
        ],
        zeroUnseeing: Boolean(mask || lengths),
      })
      const output = required(c, 0).shape.length === 3 ? joinHeads(c, attended.output) : attended.output
      return [output, k, v, attended[modes[int(c, 'qk_matmul_output_mode')] ?? 'scores']]
    },
  },
} satisfies Record<string, Decomposition>

/** The number of keys before the first query: those of the past, or where the queries are the last of each text. */
function beforeQueries({ g, x: [, , , , pastKeys, , lengths] }: FusedContext, q: Value): Value | undefined {
  if (lengths) return g.Sub(ofTexts(g, lengths), sizeOf(g, q, 2))
  return pastKeys && sizeOf(g, pastKeys, 2)
}

/** Input `i` as [batch, heads, sequence, size]. */
function inHeads(c: FusedContext, i: number): Value {
  const value = required(c, i)
  if (value.shape.length === 4) return value
  const name = i === 0 ? 'q_num_heads' : 'kv_num_heads'
  if (int(c, name) > 0) return splitHeads(c, value, int(c, name))
  throw unsupported(c, `attribute "${name}" is missing`, { fix: 'Inputs with three axes need it.' })
}
