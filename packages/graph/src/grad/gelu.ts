// The gradient of GELU, in its exact form and in the one by tanh.

import type { Value } from '../ir/graph.ts'
import { scalarLike } from '../ops/composite.ts'
import { input, output } from './context.ts'
import type { RuleContext } from './rule.ts'

export const gelu = (c: RuleContext): Value[] => (c.attributes.approximate === 'tanh' ? byTanh(c) : exact(c))

/** Exact GELU: y' = Phi(x) + x phi(x); with t = x / sqrt(2), x phi(x) = t exp(-t^2) / sqrt(pi). */
function exact(c: RuleContext): Value[] {
  const { g, dy } = c
  const x = input(c)
  const number = (value: number) => scalarLike(g, x, value)
  const t = g.Mul(x, number(Math.SQRT1_2))
  const cdf = g.Add(g.Mul(g.Erf(t), number(0.5)), number(0.5))
  const density = g.Exp(g.Sub(number(-0.5 * Math.log(Math.PI)), g.Mul(t, t)))
  return [g.Mul(dy, g.Add(cdf, g.Mul(t, density)))]
}

/** tanh-approximated GELU as x * sigmoid(u), u = 2 sqrt(2/pi) (x + 0.044715 x^3): y' = s + y (1 - s) u'. */
function byTanh(c: RuleContext): Value[] {
  const { g, dy } = c
  const x = input(c)
  const slope = 2 * Math.sqrt(2 / Math.PI)
  const square = g.Mul(x, x)
  const number = (value: number) => scalarLike(g, x, value)
  const u = g.Mul(x, g.Add(g.Mul(square, number(slope * 0.044715)), number(slope)))
  const s = g.Sigmoid(u)
  const du = g.Add(g.Mul(square, number(3 * slope * 0.044715)), number(slope))
  const y = output(c)
  return [g.Mul(dy, g.Add(s, g.Mul(g.Sub(y, g.Mul(y, s)), du)))]
}
