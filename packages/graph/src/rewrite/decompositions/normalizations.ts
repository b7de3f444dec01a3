// Decompositions of the runtime's normalizations, some with a residual connection before them.

import type { Value } from '../../ir/graph.ts'
import { cast, inverseRms } from '../../ops/composite.ts'
import { type Decomposition, type FusedContext, required } from './decomposition.ts'

/** x, plus skip, plus bias: what a normalization with a residual connection normalizes. */
function residual(c: FusedContext, bias: Value | undefined): Value {
  const sum = c.g.Add(required(c, 0), required(c, 1))
  return bias ? c.g.Add(sum, bias) : sum
}

const epsilon: Decomposition['attributes'] = { epsilon: ['float', 1e-12] }
const options = ({ attributes }: FusedContext) => ({ axis: -1, epsilon: Number(attributes.epsilon) })

export const normalizations = {
  /** RMS normalization; the second output is 1 / rms. */
  SimplifiedLayerNormalization: {
    inputs: [2, 2],
    attributes: { axis: ['int', -1], epsilon: ['float', 1e-5], stash_type: ['int', 1] },
    apply: (c) => {
      const [x, scale] = [required(c, 0), required(c, 1)]
      const { axis, epsilon } = c.attributes as { axis: number; epsilon: number }
      return [
        c.g.RMSNormalization(x, scale, { axis, epsilon }),
        c.wants(1) ? inverseRms(c.g, x, { axis, epsilon }) : undefined,
      ]
    },
  },
  /** Inputs: x, skip, scale, bias. The fourth output is the sum; the second and third are for a training build. */
  'com.microsoft.SkipSimplifiedLayerNormalization': {
    inputs: [3, 4],
    attributes: epsilon,
    apply: (c) => {
      const sum = residual(c, c.x[3])
      return [c.g.RMSNormalization(sum, required(c, 2), options(c)), undefined, undefined, sum]
    },
  },
  /** Inputs: x, skip, scale, shift, bias. */
  'com.microsoft.SkipLayerNormalization': {
    inputs: [3, 5],
    attributes: epsilon,
    apply: (c) => {
      const sum = residual(c, c.x[4])
      return [layerNormalization(c, sum, required(c, 2), c.x[3]), undefined, undefined, sum]
    },
  },
  /**
   * Inputs: token ids, token types, tables of tokens, positions and types, scale, shift, mask, positions. Outputs: the
   * normalized sum, the number of real tokens of each text, the sum.
   */
  'com.microsoft.EmbedLayerNormalization': {
    inputs: [7, 9],
    attributes: { ...epsilon, mask_index_type: ['int', 1] },
    apply: (c) => {
      const { g, x } = c
      const [ids, types, tokens, places, kinds] = [required(c, 0), x[1], required(c, 2), required(c, 3), x[4]]
      const [mask, positions] = [x[7], x[8]]
      const length = g.Shape(ids, { start: 1, end: 2 })
      const at = positions ? g.Gather(places, positions) : g.Slice(places, g.int64([0]), length, g.int64([0]))
      const sum = g.Add(g.Gather(tokens, ids), at)
      const typed = types && kinds ? g.Add(sum, g.Gather(kinds, types)) : sum
      return [
        layerNormalization(c, typed, required(c, 5), x[6]),
        c.wants(1) ? realTokens(c, ids, mask) : undefined,
        typed,
      ]
    },
  },
} satisfies Record<string, Decomposition>

const layerNormalization = (c: FusedContext, x: Value, scale: Value, shift: Value | undefined): Value =>
  c.g.LayerNormalization(x, scale, ...(shift ? [shift] : []), options(c))

/** The number of ones in each row of a mask, int32 [batch]; without a mask 0, as the runtime has it. */
function realTokens({ g }: FusedContext, ids: Value, mask: Value | undefined): Value {
  if (!mask) return cast(g, g.Expand(g.scalar(0), g.Shape(ids, { start: 0, end: 1 })), 'int32')
  return cast(g, g.ReduceSum(cast(g, mask, 'float32'), g.int64([1]), { keepdims: 0 }), 'int32')
}
