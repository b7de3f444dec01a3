// Decompositions of the runtime's normalizations, some with a residual connection before them.

import type { Value } from '../../ir/graph.ts'
import { inverseRms } from '../../ops/composite.ts'
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
    outputs: 2,
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
    outputs: 4,
    attributes: epsilon,
    apply: (c) => {
      const sum = residual(c, c.x[3])
      return [c.g.RMSNormalization(sum, required(c, 2), options(c)), undefined, undefined, sum]
    },
  },
} satisfies Record<string, Decomposition>
