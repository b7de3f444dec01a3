// Gradient rules of reductions, cumulative sums and searches along axes.

import type { Dim } from '../ir/dim.ts'
import type { Value } from '../ir/graph.ts'
import { scalarLike, scale } from '../ops/composite.ts'
import type { OperatorName } from '../ops/index.ts'
import { input, mask, one, output } from './context.ts'
import type { GradientRule, RuleContext } from './rule.ts'

/** Gradient and output of a reduction with the axes that keepdims=0 removed, and the reduced axes. */
function keepAxes(c: RuleContext): { dy: Value; y: Value; axes: number[] } {
  const rank = input(c).shape.length
  const named = c.x[1]?.content as number[] | undefined
  const all = Array.from({ length: rank }, (_, i) => i)
  const axes = named?.length
    ? named.map((axis) => (axis < 0 ? axis + rank : axis))
    : c.attributes.noop_with_empty_axes
      ? []
      : all
  if (c.attributes.keepdims === 1 || axes.length === 0) return { dy: c.dy, y: output(c), axes }
  const at = c.g.int64(axes)
  return { dy: c.g.Unsqueeze(c.dy, at), y: c.g.Unsqueeze(output(c), at), axes }
}

/** Repeats a reduced gradient over the axes of the reduction. */
const spread = (c: RuleContext, dy: Value): Value => c.g.Expand(dy, c.g.Shape(input(c)))

/** Number of elements along axes, as a scalar: a constant if the sizes are known, else a sum of ones. */
function countAlong(c: RuleContext, axes: readonly number[]): Value {
  const { g, dy } = c
  const sizes = axes.map((axis) => input(c).shape[axis] as Dim)
  if (sizes.every((size) => typeof size === 'number'))
    return scalarLike(
      g,
      dy,
      (sizes as number[]).reduce((a, b) => a * b, 1),
    )
  return axes
    .map((axis) =>
      g.ReduceSum(g.Expand(scalarLike(g, dy, 1), g.Shape(input(c), { start: axis, end: axis + 1 })), { keepdims: 0 }),
    )
    .reduce((a, b) => g.Mul(a, b))
}

/** Divides the gradient equally among the elements that attain the extremum, as PyTorch's amax does. */
function extremum(c: RuleContext): Value[] {
  const { g } = c
  const { dy, y, axes } = keepAxes(c)
  const hit = mask(c, g.Equal(input(c), y))
  const ties = axes.length ? g.ReduceSum(hit, g.int64(axes)) : hit
  return [g.Mul(g.Div(hit, ties), dy)]
}

/** The rules of reductions. */
export const reductions = {
  ReduceSum: (c) => [spread(c, keepAxes(c).dy), null],
  ReduceMean: (c) => {
    const { dy, axes } = keepAxes(c)
    return [spread(c, c.g.Div(dy, countAlong(c, axes))), null]
  },
  ReduceMax: (c) => [...extremum(c), null],
  ReduceMin: (c) => [...extremum(c), null],
  ReduceProd: 'unsupported',
  ReduceL1: (c) => {
    const zero = scalarLike(c.g, c.dy, 0)
    const sign = c.g.Sub(mask(c, c.g.Greater(input(c), zero)), mask(c, c.g.Less(input(c), zero)))
    return [c.g.Mul(sign, keepAxes(c).dy), null]
  },
  ReduceL2: (c) => {
    const { dy, y } = keepAxes(c)
    // A norm of 0 has the gradient 0, as in PyTorch: x is 0 there, and 0 / 0 would be NaN.
    const divisor = c.g.Where(c.g.Equal(y, scalarLike(c.g, y, 0)), one(c), y)
    return [c.g.Mul(input(c), c.g.Div(dy, divisor)), null]
  },
  ReduceSumSquare: (c) => [c.g.Mul(scale(c.g, input(c), 2), keepAxes(c).dy), null],
  ReduceLogSumExp: (c) => {
    const { dy, y } = keepAxes(c)
    return [c.g.Mul(c.g.Exp(c.g.Sub(input(c), y)), dy), null]
  },
  ArgMax: 'none',
  ArgMin: 'none',
  CumSum: (c) => [
    c.g.CumSum(c.dy, input(c, 1), {
      exclusive: c.attributes.exclusive as number,
      reverse: c.attributes.reverse ? 0 : 1,
    }),
    null,
  ],
  TopK: 'unsupported',
} satisfies Partial<Record<OperatorName, GradientRule>>
