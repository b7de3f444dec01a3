// The table of gradient rules: one row per operator. A missing row does not compile; a rule without a finite-difference
// test fails test/grad/rules.test.ts.

import { UnsupportedOperatorError } from '../errors.ts'
import type { Dim } from '../ir/dim.ts'
import type { Value } from '../ir/graph.ts'
import { cast, inverseRms, lastAxes, scalarLike, scale, transposeMatrix, zerosLike } from '../ops/composite.ts'
import { einsumTerms } from '../ops/einsum.ts'
import type { OperatorName } from '../ops/index.ts'
import { elementCount, toFloat32 } from '../tensor/tensor.ts'
import { convolution } from './convolution.ts'
import type { GradientRule, Rule, RuleContext } from './rule.ts'

const input = ({ x }: RuleContext, i = 0): Value => x[i] as Value
const output = ({ y }: RuleContext, i = 0): Value => y[i] as Value

/** dx = dy * f'(x), where f' may use x and y = f(x). */
const unary =
  (derivative: (c: RuleContext, x: Value, y: Value) => Value): Rule =>
  (c) => [c.g.Mul(c.dy, derivative(c, input(c), output(c)))]

/** A boolean as 0 or 1 in the element type of dy. */
const mask = ({ g, dy }: RuleContext, condition: Value): Value => cast(g, condition, dy.dtype)

const one = ({ g, dy }: RuleContext): Value => scalarLike(g, dy, 1)

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

/** MatMul: da = dy b', db = a' dy. A vector on either side gets the missing axis. */
function matMul(c: RuleContext): Value[] {
  const { g } = c
  const [a, b] = [input(c, 0), input(c, 1)]
  const vectorA = a.shape.length === 1
  const vectorB = b.shape.length === 1
  const a2 = vectorA ? g.Unsqueeze(a, g.int64([0])) : a
  const b2 = vectorB ? g.Unsqueeze(b, g.int64([1])) : b
  const dropped = [...(vectorA ? [vectorB ? -1 : -2] : []), ...(vectorB ? [-1] : [])]
  const dy = dropped.length === 0 ? c.dy : g.Unsqueeze(c.dy, g.int64(vectorA && vectorB ? [0, 1] : dropped))
  const da =
    b2.shape.length === 2 && dy.shape.length > 2 ? rowsTimes(c, dy, b2, 1) : g.MatMul(dy, transposeMatrix(g, b2))
  const db =
    b2.shape.length === 2 && dy.shape.length > 2 && a2.shape.length === dy.shape.length
      ? g.Gemm(matrix(c, a2), matrix(c, dy), { transA: 1 })
      : dy.shape.length === 2 && a2.shape.length === 2
        ? g.Gemm(a2, dy, { transA: 1 })
        : g.MatMul(transposeMatrix(g, a2), dy)
  return [vectorA ? sumTo(c, da, [0]) : da, vectorB ? sumTo(c, db, [1]) : db]
}

/** Sums over the batch axes, then drops the axis that was added to a vector. */
function sumTo({ g }: RuleContext, value: Value, [axis]: readonly [number]): Value {
  const rank = value.shape.length
  const leading = Array.from({ length: rank - 2 }, (_, i) => i)
  const matrixValue = leading.length ? g.ReduceSum(value, g.int64(leading), { keepdims: 0 }) : value
  return g.Squeeze(matrixValue, g.int64([axis]))
}

/** The value as a matrix: all axes but the last flattened. */
function matrix({ g }: RuleContext, value: Value): Value {
  const rank = value.shape.length
  const width = value.shape.at(-1)
  if (rank === 2) return value
  return g.Reshape(
    value,
    typeof width === 'number'
      ? g.int64([-1, width])
      : g.Concat(g.int64([-1]), g.Shape(value, { start: rank - 1, end: rank }), { axis: 0 }),
  )
}

/** value [..., k] times a matrix, or its transpose, as one Gemm: avoids a transposed copy of a frozen weight. */
function rowsTimes(c: RuleContext, value: Value, weight: Value, transB: 0 | 1): Value {
  const { g } = c
  const columns = weight.shape[transB ? 0 : 1]
  const width = value.shape.at(-1)
  if (typeof columns !== 'number' || typeof width !== 'number')
    return g.MatMul(value, transB ? transposeMatrix(g, weight) : weight)
  return g.Reshape(g.Gemm(matrix(c, value), weight, { transB }), g.Shape(input(c)))
}

/**
 * Einsum: the gradient of a factor is the product of dy with the other factors, summed over the axes that the factor
 * lacks. An axis that only this factor has was summed: its gradient is repeated along it.
 */
function einsumGradient(c: RuleContext): Value[] {
  const { g, dy, attributes } = c
  const { inputs, output } = einsumTerms(String(attributes.equation)) as { inputs: string[]; output: string }
  return inputs.map((term, i) => {
    const others = inputs.filter((_, k) => k !== i)
    const known = new Set([output, ...others].join(''))
    const kept = [...term].filter((letter) => known.has(letter))
    const equation = `${[output, ...others].join(',')}->${kept.join('')}`
    const factors = c.x.filter((_, k) => k !== i) as Value[]
    const gradient = g.Einsum(dy, ...factors, { equation })
    if (kept.length === term.length) return gradient
    const summed = [...term].flatMap((letter, axis) => (known.has(letter) ? [] : [axis]))
    return g.Expand(g.Unsqueeze(gradient, g.int64(summed)), g.Shape(input(c, i)))
  })
}

/** Y = alpha A' B' + beta C, where ' transposes as the attributes say. */
function gemm(c: RuleContext): (Value | null)[] {
  const { g, dy, attributes } = c
  const [a, b] = [input(c, 0), input(c, 1)]
  const { transA, transB, alpha, beta } = attributes as Record<string, number>
  const da = transA
    ? g.Gemm(b, dy, { alpha: alpha as number, transA: transB as number, transB: 1 })
    : g.Gemm(dy, b, { alpha: alpha as number, transB: transB ? 0 : 1 })
  const db = transB
    ? g.Gemm(dy, a, { alpha: alpha as number, transA: 1, transB: transA as number })
    : g.Gemm(a, dy, { alpha: alpha as number, transA: transA ? 0 : 1 })
  return [da, db, c.x[2] ? scale(g, dy, beta as number) : null]
}

/** tanh-approximated GELU as x * sigmoid(u), u = 2 sqrt(2/pi) (x + 0.044715 x^3): y' = s + y (1 - s) u'. */
function geluTanh(c: RuleContext): Value[] {
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

/** Exact GELU: y' = Phi(x) + x phi(x); with t = x / sqrt(2), x phi(x) = t exp(-t^2) / sqrt(pi). */
function geluErf(c: RuleContext): Value[] {
  const { g, dy } = c
  const x = input(c)
  const number = (value: number) => scalarLike(g, x, value)
  const t = g.Mul(x, number(Math.SQRT1_2))
  const cdf = g.Add(g.Mul(g.Erf(t), number(0.5)), number(0.5))
  const density = g.Exp(g.Sub(number(-0.5 * Math.log(Math.PI)), g.Mul(t, t)))
  return [g.Mul(dy, g.Add(cdf, g.Mul(t, density)))]
}

/**
 * Layer normalization: with n = (x - mean) / std and h = dy * scale,
 * dx = (h - mean(h) - n mean(h n)) / std. The operator with a scale of ones recomputes n and 1 / std: one pass over x
 * instead of eight.
 */
function layerNormalization(c: RuleContext): (Value | null)[] {
  const { g, dy, attributes } = c
  const [x, weight] = [input(c, 0), input(c, 1)]
  const axes = g.int64(lastAxes(x, attributes.axis as number))
  const ones = g.Expand(scalarLike(g, weight, 1), g.Shape(weight))
  const [normal, , deviation] = g.node('LayerNormalization', [x, ones], { attributes, outputCount: 3 }) as [
    Value,
    Value,
    Value,
  ]
  const inverse = cast(g, deviation, x.dtype)
  const h = g.Mul(dy, weight)
  const dx = g.Mul(inverse, g.Sub(g.Sub(h, g.ReduceMean(h, axes)), g.Mul(normal, g.ReduceMean(g.Mul(h, normal), axes))))
  return [dx, g.Mul(dy, normal), c.x[2] ? dy : null]
}

/**
 * RMS normalization: with n = x / rms and h = dy * scale, dx = (h - n mean(h n)) / rms. n is the expression that
 * `lower` gives the forward pass, so that a runtime computes it once.
 */
function rmsNormalization(c: RuleContext): (Value | null)[] {
  const { g, dy, attributes } = c
  const [x, weight] = [input(c, 0), input(c, 1)]
  const inverse = inverseRms(g, x, attributes as { axis: number; epsilon: number })
  const [normal, h] = [g.Mul(x, inverse), g.Mul(dy, weight)]
  const mean = g.ReduceMean(g.Mul(h, normal), g.int64(lastAxes(x, attributes.axis as number)))
  return [g.Mul(inverse, g.Sub(h, g.Mul(normal, mean))), g.Mul(dy, normal)]
}

/** Splits the gradient along the concatenated axis. */
function concat(c: RuleContext): Value[] {
  const { g, dy, x, attributes } = c
  const rank = dy.shape.length
  const axis = ((attributes.axis as number) + rank) % rank
  const sizes = x.map((value) => (value as Value).shape[axis] as Dim)
  if (sizes.every((size) => typeof size === 'number'))
    return g.node('Split', [dy, g.int64(sizes as number[])], { attributes: { axis }, outputCount: sizes.length })
  const lengths = x.map((value) => g.Shape(value as Value, { start: axis, end: axis + 1 }))
  return g.node('Split', [dy, lengths.length === 1 ? (lengths[0] as Value) : g.Concat(...lengths, { axis: 0 })], {
    attributes: { axis },
    outputCount: sizes.length,
  })
}

/** Concatenates the gradients of the parts; zeros for a part that the loss does not use. */
function split(c: RuleContext): (Value | null)[] {
  const { g, dys, y, attributes } = c
  return [g.Concat(...y.map((part, i) => dys[i] ?? zerosLike(g, part)), { axis: attributes.axis as number }), null]
}

/** Indices of rows as ScatterND takes them: int64 [..., 1]. The cast comes last, because WebGPU moves no int64. */
const rowIndices = ({ g }: RuleContext, indices: Value): Value => cast(g, g.Unsqueeze(indices, g.int64([-1])), 'int64')

/** Scatter-adds the gradient of each gathered row to zeros; axes other than 0 are transposed to the front. */
function gather(c: RuleContext): (Value | null)[] {
  const { g, dy, attributes } = c
  const [data, indices] = [input(c, 0), input(c, 1)]
  const rank = data.shape.length
  const axis = ((attributes.axis as number) + rank) % rank
  if (axis === 0) return [g.ScatterND(zerosLike(g, data), rowIndices(c, indices), dy, { reduction: 'add' }), null]
  const swapped = Array.from({ length: rank }, (_, i) => i)
  swapped.unshift(swapped.splice(axis, 1)[0] as number)
  const back = swapped.map((_, i) => swapped.indexOf(i))
  const moved = Array.from({ length: indices.shape.length }, (_, i) => axis + i)
  const rest = Array.from({ length: dy.shape.length }, (_, i) => i).filter((i) => !moved.includes(i))
  const rows = g.Transpose(dy, { perm: [...moved, ...rest] })
  const zeros = zerosLike(g, g.Transpose(data, { perm: swapped }))
  return [g.Transpose(g.ScatterND(zeros, rowIndices(c, indices), rows, { reduction: 'add' }), { perm: back }), null]
}

/** Scatters the gradient of a slice into zeros, one axis after the other. */
function slice(c: RuleContext): (Value | null)[] {
  const { g, dy, x } = c
  const data = input(c)
  const rank = data.shape.length
  const axes = ((x[3]?.content as number[] | undefined) ?? data.shape.map((_, i) => i)).map(
    (axis) => (axis + rank) % rank,
  )
  let result = dy
  for (let i = axes.length - 1; i >= 0; i--) {
    const axis = axes[i] as number
    const positions = g.Range(
      g.scalar(0, 'int32'),
      cast(g, g.Squeeze(g.Shape(data, { start: axis, end: axis + 1 }), g.int64([0])), 'int32'),
      g.scalar(1, 'int32'),
    )
    const bound = (value: Value | null | undefined) => (value ? g.Gather(value, g.int64([i])) : null)
    const step = x[4] ? [bound(x[4]) as Value] : []
    const sliced = g.Slice(positions, bound(x[1]), bound(x[2]), g.int64([0]), ...step)
    const perm = Array.from({ length: rank }, (_, k) => k)
    perm.unshift(perm.splice(axis, 1)[0] as number)
    const back = perm.map((_, k) => perm.indexOf(k))
    const rows = axis === 0 ? result : g.Transpose(result, { perm })
    const size = g.Shape(data, { start: axis, end: axis + 1 })
    const others = rank > 1 ? [g.Shape(rows, { start: 1, end: rank })] : []
    const zeros = g.Expand(scalarLike(g, dy, 0), others.length ? g.Concat(size, ...others, { axis: 0 }) : size)
    const scattered = g.ScatterND(zeros, rowIndices(c, sliced), rows, { reduction: 'add' })
    result = axis === 0 ? scattered : g.Transpose(scattered, { perm: back })
  }
  return [result, null, null, null, null]
}

/** Slices the padding off the gradient, and pads it with zeros where the operator cut elements off. */
function pad(c: RuleContext): (Value | null)[] {
  const { g, dy, x } = c
  requireForm(c, 'mode', ['constant'])
  const pads = x[1]?.content as number[]
  const axes = (x[3]?.content as number[] | undefined) ?? dy.shape.map((_, i) => i)
  const starts = axes.map((_, i) => Math.max(pads[i] as number, 0))
  const ends = axes.map((_, i) => -(pads[i + axes.length] as number)).map((end) => (end < 0 ? end : 2 ** 31 - 1))
  const kept = g.Slice(dy, g.int64(starts), g.int64(ends), g.int64(axes))
  const cut = pads.map((size) => Math.max(-size, 0))
  const whole = cut.some((size) => size > 0) ? g.Pad(kept, g.int64(cut), null, g.int64(axes)) : kept
  return [whole, null, null, null]
}

/** Sums the repeats of each axis: [r d] -> [r, d] -> [d]. */
function tile(c: RuleContext): (Value | null)[] {
  const { g, dy } = c
  const data = input(c)
  const column = (value: Value) => g.Unsqueeze(value, g.int64([1]))
  const pairs = g.Reshape(g.Concat(column(input(c, 1)), column(g.Shape(data)), { axis: 1 }), g.int64([-1]))
  const split = g.Reshape(dy, pairs)
  return [g.ReduceSum(split, g.int64(data.shape.map((_, i) => 2 * i)), { keepdims: 0 }), null]
}

/** @throws {UnsupportedOperatorError} for another value of an attribute than those that a rule is for. */
function requireForm({ where, attributes }: RuleContext, attribute: string, values: readonly unknown[]): void {
  const value = attributes[attribute]
  if (values.includes(value)) return
  throw new UnsupportedOperatorError({
    where,
    what: `no gradient rule with ${attribute} ${value}, and a trainable value lies below it`,
    expected: values.join(' or '),
    fix: 'Freeze what lies below it, or export the model without it.',
  })
}

/** The reductions of scatters that have a gradient rule. */
const reductions = ['none', 'add']

/** ScatterND without reduction overwrites data, which gets no gradient there; with 'add' data keeps its gradient. */
function scatterND(c: RuleContext): (Value | null)[] {
  const { g, dy, x, attributes } = c
  requireForm(c, 'reduction', reductions)
  const indices = input(c, 1)
  const dUpdates = g.GatherND(dy, indices)
  if (attributes.reduction === 'add') return [dy, null, dUpdates]
  return [g.ScatterND(dy, indices, zerosLike(g, x[2] as Value)), null, dUpdates]
}

/** As {@link scatterND}, along one axis. */
function scatterElements(c: RuleContext): (Value | null)[] {
  const { g, dy, x, attributes } = c
  requireForm(c, 'reduction', reductions)
  const axis = { axis: attributes.axis as number }
  const dUpdates = g.GatherElements(dy, input(c, 1), axis)
  if (attributes.reduction === 'add') return [dy, null, dUpdates]
  return [g.ScatterElements(dy, input(c, 1), zerosLike(g, x[2] as Value), axis), null, dUpdates]
}

/** The gradient rule of each operator; `none` where no gradient flows, `unsupported` where there is no rule. */
export const gradientRules: { readonly [Name in OperatorName]: GradientRule } = {
  // arithmetic
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
  Gelu: (c) => (c.attributes.approximate === 'tanh' ? geluTanh(c) : geluErf(c)),
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

  // piecewise constant, boolean or integer results
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
  Shape: 'none',
  Size: 'none',
  ConstantOfShape: 'none',
  Range: 'none',
  ArgMax: 'none',
  ArgMin: 'none',

  // matrix products
  MatMul: matMul,
  Gemm: gemm,
  Einsum: einsumGradient,
  MatMulNBits: 'unsupported', // used in exported models only
  GatherBlockQuantized: 'unsupported', // used in exported models only
  DynamicQuantizeMatMul: 'unsupported', // introduced after differentiation

  // shapes and indices
  Reshape: (c) => [c.g.Reshape(c.dy, c.g.Shape(input(c))), null],
  Squeeze: (c) => [c.g.Reshape(c.dy, c.g.Shape(input(c))), null],
  Unsqueeze: (c) => [c.g.Reshape(c.dy, c.g.Shape(input(c))), null],
  Flatten: (c) => [c.g.Reshape(c.dy, c.g.Shape(input(c)))],
  Transpose: (c) => {
    const perm = (c.attributes.perm as number[] | undefined) ?? input(c).shape.map((_, i, { length }) => length - 1 - i)
    return [c.g.Transpose(c.dy, { perm: perm.map((_, i) => perm.indexOf(i)) })]
  },
  Expand: ({ dy }) => [dy, null],
  Tile: tile,
  Concat: concat,
  Split: split,
  Slice: slice,
  Pad: pad,
  Trilu: (c) => [
    c.x[1]
      ? c.g.Trilu(c.dy, c.x[1], { upper: c.attributes.upper as number })
      : c.g.Trilu(c.dy, { upper: c.attributes.upper as number }),
    null,
  ],
  Gather: gather,
  GatherElements: (c) => [
    c.g.ScatterElements(zerosLike(c.g, input(c)), input(c, 1), c.dy, {
      axis: c.attributes.axis as number,
      reduction: 'add',
    }),
    null,
  ],
  GatherND: (c) => {
    requireForm(c, 'batch_dims', [0])
    return [c.g.ScatterND(zerosLike(c.g, input(c)), input(c, 1), c.dy, { reduction: 'add' }), null]
  },
  ScatterElements: scatterElements,
  ScatterND: scatterND,

  // reductions
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
  CumSum: (c) => [
    c.g.CumSum(c.dy, input(c, 1), {
      exclusive: c.attributes.exclusive as number,
      reverse: c.attributes.reverse ? 0 : 1,
    }),
    null,
  ],
  TopK: 'unsupported',

  // normalization
  Softmax: (c) => {
    const axes = c.g.int64([c.attributes.axis as number])
    return [c.g.Mul(output(c), c.g.Sub(c.dy, c.g.ReduceSum(c.g.Mul(c.dy, output(c)), axes)))] // y (dy - sum(dy y))
  },
  LogSoftmax: (c) => {
    const total = c.g.ReduceSum(c.dy, c.g.int64([c.attributes.axis as number]))
    return [c.g.Sub(c.dy, c.g.Mul(c.g.Exp(output(c)), total))]
  },
  LayerNormalization: layerNormalization,
  RMSNormalization: rmsNormalization,
  SimplifiedLayerNormalization: 'unsupported', // introduced after differentiation
  SkipLayerNormalization: 'unsupported', // introduced after differentiation
  SkipSimplifiedLayerNormalization: 'unsupported', // introduced after differentiation

  GroupQueryAttention: 'unsupported', // training reads it decomposed

  Conv: convolution,
  ConvTranspose: 'unsupported', // introduced by differentiation

  // recurrent operators: @cola/rnn trains them unrolled
  RNN: 'unsupported',
  GRU: 'unsupported',
  LSTM: 'unsupported',
}
