// Decompositions of the runtime's activations.

import type { Value } from '../../ir/graph.ts'
import type { Builder } from '../../ops/build.ts'
import { scalarLike } from '../../ops/composite.ts'
import { type Decomposition, type FusedContext, required } from './decomposition.ts'

/** An activation of x, or of x + b where the node has a bias. */
const activation = (
  inputs: Decomposition['inputs'],
  of: (g: Builder, x: Value, c: FusedContext) => Value,
  attributes: Decomposition['attributes'] = {},
): Decomposition => ({
  inputs,
  attributes,
  apply: (c) => {
    const [x, bias] = [required(c, 0), c.x[1]]
    return [of(c.g, bias ? c.g.Add(x, bias) : x, c)]
  },
})

const gelu = (g: Builder, x: Value): Value => g.Gelu(x)

export const activations = {
  'com.microsoft.Gelu': activation([1, 1], gelu),
  'com.microsoft.BiasGelu': activation([2, 2], gelu),
  /** The approximation by tanh. */
  'com.microsoft.FastGelu': activation([1, 2], (g, x) => g.Gelu(x, { approximate: 'tanh' })),
  /** x sigmoid(alpha x). */
  'com.microsoft.QuickGelu': activation(
    [1, 1],
    (g, x, { attributes }) => g.Mul(x, g.Sigmoid(g.Mul(x, scalarLike(g, x, Number(attributes.alpha))))),
    { alpha: ['float', 1.702] },
  ),
} satisfies Record<string, Decomposition>
