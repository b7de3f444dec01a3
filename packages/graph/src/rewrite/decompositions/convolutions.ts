// Decomposition of the short causal convolutions of hybrid decoders such as LFM2.

import type { Value } from '../../ir/graph.ts'
import type { Builder } from '../../ops/build.ts'
import { scalarLike } from '../../ops/composite.ts'
import { type Decomposition, required, unsupported } from './decomposition.ts'

const toTheEnd = 2 ** 31 - 1

const activations: Readonly<Record<string, (g: Builder, y: Value) => Value>> = {
  none: (_, y) => y,
  silu: (g, y) => g.Mul(y, g.Sigmoid(y)),
  swish: (g, y) => g.Mul(y, g.Sigmoid(y)),
}

export const convolutions = {
  /**
   * Inputs: x [batch, channels, tokens], a kernel of each channel [channels, 1, k], bias, and the k - 1 tokens of x before
   * these, zeros if omitted. Outputs: a channel's y at a token is the kernel over it and the k - 1 before it; the last
   * k - 1 of all tokens.
   */
  'com.microsoft.CausalConvWithState': {
    inputs: [2, 4],
    attributes: { activation: ['string', 'none'], ndim: ['int', 1], state_window: ['int', 0] },
    supported: { activation: Object.keys(activations), ndim: [1], state_window: [0] },
    apply: (c) => {
      const { g } = c
      const [x, kernels, bias] = [required(c, 0), required(c, 1), c.x[2]]
      const [channels, , kernel] = kernels.shape
      if (typeof channels !== 'number' || typeof kernel !== 'number')
        throw unsupported(c, 'the shape of the kernels is not known', { found: `[${kernels.shape}]` })
      const past = c.x[3]
      const data = past ? g.Concat(past, x, { axis: 2 }) : x
      const pads = [past ? 0 : kernel - 1, 0]
      const y = g.Conv(data, kernels, ...(bias ? [bias] : []), { group: channels, pads })
      const activation = activations[String(c.attributes.activation)] as (typeof activations)[string]
      return [activation(g, y), c.wants(1) ? lastTokens(g, past ? data : afterZeros(g, x, kernel - 1), x) : undefined]
    },
  },
} satisfies Record<string, Decomposition>

/** x after as many zeros along its last axis. */
function afterZeros(g: Builder, x: Value, count: number): Value {
  const shape = g.Concat(g.Shape(x, { start: 0, end: 2 }), g.int64([count]), { axis: 0 })
  return g.Concat(g.Expand(scalarLike(g, x, 0), shape), x, { axis: 2 })
}

/** What of `whole` does not lie before as many tokens as `x` has. */
const lastTokens = (g: Builder, whole: Value, x: Value): Value =>
  g.Slice(whole, g.Shape(x, { start: 2, end: 3 }), g.int64([toTheEnd]), g.int64([2]))
