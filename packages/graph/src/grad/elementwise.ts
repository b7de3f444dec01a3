// Gradient rules of elementwise operators, comparisons and casts.

import type { Value } from '../ir/graph.ts'
import { cast, scalarLike, scale } from '../ops/composite.ts'
import type { OperatorName } from '../ops/index.ts'
import { elementCount, toFloat32 } from '../tensor/tensor.ts'
import { input, mask, one, output } from './context.ts'
import { gelu } from './gelu.ts'
import type { GradientRule, Rule, RuleContext } from './rule.ts'

/** dx = dy * f'(x), where f' may use x and y = f(x). */
const unary =
  (derivative: (c: RuleContext, x: Value, y: Value) => Value): Rule =>
  (c) => [c.g.Mul(c.dy, derivative(c, input(c), output(c)))]

/** Among several equal inputs of Max or Min, the first gets the gradient. */
function variadicExtremum(c: RuleContext): Value[] {
  const { g } = c
  let free: Value | undefined
  return c.x.map((x) => {
    const hit = mask(c, g.Equal(x as Value, output(c)))
    const first = free ? g.Mul(hit, free) : hit
    const missed = g.Sub(one(c), hit)
    free = free ? g.Mul(free, missed) : missed
    return g.Mul(c.dy, first)
  })
}

/**
 * d x^p = p x^(p-1), and 0 for p = 0, also where x is 0; by p, x^p log x, which ends at 0 where x^p is 0. For a square,
 * which every norm has, 2 x: runtimes compute powers by logarithms.
 */
function pow(c: RuleContext): (Value | null)[] {
  const { g, dy } = c
  const [x, y] = [input(c, 0), output(c)]
  const exponent = cast(g, input(c, 1), x.dtype)
  const constant = g.graph.initializers.get(input(c, 1).name)
  const p = constant && elementCount(constant.dims) === 1 ? toFloat32(constant)[0] : undefined
  const unlessZero = (test: Value, value: Value) =>
    g.Where(g.Equal(test, scalarLike(g, test, 0)), scalarLike(g, value, 0), value)
  const power = () => g.Mul(exponent, g.Pow(x, g.Sub(exponent, one(c))))
  const slope = p === 2 ? scale(g, x, 2) : p ? power() : unlessZero(exponent, power())
  return [g.Mul(dy, slope), g.Mul(dy, unlessZero(y, g.Mul(y, g.Log(x))))]
}

/** Clip: dx = dy inside the bounds. */
function clip(c: RuleContext): (Value | null)[] {
  const { g, x, dy } = c
  const low = x[1] ? [mask(c, g.GreaterOrEqual(input(c), x[1]))] : []
  const high = x[2] ? [mask(c, g.LessOrEqual(input(c), x[2]))] : []
  return [[...low, ...high].reduce((a, b) => g.Mul(a, b), dy), null, null]
}

/** The rules of elementwise operators. */
export const elementwise = {
  Add: ({ dy }) => [dy, dy],
  Sub: ({ dy, g }) => [dy, g.Neg(dy)],
  Mul: (c) => [c.g.Mul(c.dy, input(c, 1)), c.g.Mul(c.dy, input(c, 0))],
  Div: (c) => {
    const { g, dy } = c
    const da = g.Div(dy, input(c, 1))
    return [da, g.Neg(g.Mul(da, output(c)))]
  },
  Pow: pow,
  Mod: 'unsupported',
  Sum: ({ dy, x }) => x.map(() => dy),
  Max: variadicExtremum,
  Min: variadicExtremum,
  Neg: ({ dy, g }) => [g.Neg(dy)],
  Abs: unary((c, x) =>
    c.g.Sub(mask(c, c.g.Greater(x, scalarLike(c.g, x, 0))), mask(c, c.g.Less(x, scalarLike(c.g, x, 0)))),
  ),
  Sqrt: (c) => [c.g.Div(scale(c.g, c.dy, 0.5), output(c))],
  Exp: unary((_, _x, y) => y),
  Log: (c) => [c.g.Div(c.dy, input(c))],
  Sin: unary(({ g }, x) => g.Cos(x)),
  Cos: unary(({ g }, x) => g.Neg(g.Sin(x))),
  Tanh: unary((c, _x, y) => c.g.Sub(one(c), c.g.Mul(y, y))), // 1 - tanh^2
  Sigmoid: unary((c, _x, y) => c.g.Mul(y, c.g.Sub(one(c), y))),
  Relu: unary((c, _x, y) => mask(c, c.g.Greater(y, scalarLike(c.g, y, 0)))),
  LeakyRelu: unary((c, x) =>
    c.g.Where(c.g.Greater(x, scalarLike(c.g, x, 0)), one(c), scalarLike(c.g, x, c.attributes.alpha as number)),
  ),
  HardSigmoid: 'unsupported',
  DequantizeLinear: 'unsupported', // its input is integer: a frozen weight, which needs no gradient
  Softplus: unary(({ g }, x) => g.Sigmoid(x)),
  Erf: unary((c, x) => scale(c.g, c.g.Exp(c.g.Neg(c.g.Mul(x, x))), 2 / Math.sqrt(Math.PI))),
  Reciprocal: unary(({ g }, _x, y) => g.Neg(g.Mul(y, y))),
  Gelu: gelu,
  Swish: (c) => {
    const [x, y] = [input(c), output(c)]
    const s = c.g.Sigmoid(x)
    return [c.g.Mul(c.dy, c.g.Sub(c.g.Add(s, y), c.g.Mul(y, s)))] // s + y (1 - s)
  },
  Identity: ({ dy }) => [dy],
  Clip: clip,
  Dropout: 'unsupported', // replaced by a product with a mask input before differentiation
  Where: (c) => {
    const zero = scalarLike(c.g, c.dy, 0)
    return [null, c.g.Where(input(c), c.dy, zero), c.g.Where(input(c), zero, c.dy)]
  },
  Cast: (c) => [input(c).dtype.startsWith('float') ? cast(c.g, c.dy, input(c).dtype) : null],
  RunAfter: (c) => [c.dy, null],

  // piecewise constant, or boolean
  StopGradient: 'none',
  Floor: 'none',
  Ceil: 'none',
  Sign: 'none',
  Not: 'none',
  Equal: 'none',
  Less: 'none',
  LessOrEqual: 'none',
  Greater: 'none',
  GreaterOrEqual: 'none',
  And: 'none',
  Or: 'none',
  IsNaN: 'none',
  IsInf: 'none',
} satisfies Partial<Record<OperatorName, GradientRule>>
