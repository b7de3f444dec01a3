// Gradient rules of matrix products.

import type { Value } from '../ir/graph.ts'
import { scale, transposeMatrix } from '../ops/composite.ts'
import { einsumTerms } from '../ops/einsum.ts'
import type { OperatorName } from '../ops/index.ts'
import { input } from './context.ts'
import type { GradientRule, RuleContext } from './rule.ts'

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
    b2.shape.length === 2 && dy.shape.length > 2 ? timesTransposed(c, dy, b2) : g.MatMul(dy, transposeMatrix(g, b2))
  const db =
    b2.shape.length === 2 && dy.shape.length > 2 && a2.shape.length === dy.shape.length
      ? g.Gemm(matrix(c, a2), matrix(c, dy), { transA: 1 })
      : dy.shape.length === 2 && a2.shape.length === 2
        ? g.Gemm(a2, dy, { transA: 1 })
        : g.MatMul(transposeMatrix(g, a2), dy)
  return [vectorA ? ofVector(c, da, 0) : da, vectorB ? ofVector(c, db, 1) : db]
}

/** The gradient of a vector: summed over the batch axes, without the axis that the product added. */
function ofVector({ g }: RuleContext, value: Value, axis: number): Value {
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

/** dy [..., n] W' in the shape of the first input, as one Gemm: avoids a transposed copy of a frozen weight. */
function timesTransposed(c: RuleContext, dy: Value, weight: Value): Value {
  const { g } = c
  const isKnown = typeof weight.shape[0] === 'number' && typeof dy.shape.at(-1) === 'number'
  if (!isKnown) return g.MatMul(dy, transposeMatrix(g, weight))
  return g.Reshape(g.Gemm(matrix(c, dy), weight, { transB: 1 }), g.Shape(input(c)))
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

/** The rules of matrix products. */
export const linalg = {
  MatMul: matMul,
  Gemm: gemm,
  Einsum: einsumGradient,
  MatMulNBits: 'unsupported', // used in exported models only
  GatherBlockQuantized: 'unsupported', // used in exported models only
  DynamicQuantizeMatMul: 'unsupported', // introduced after differentiation
} satisfies Partial<Record<OperatorName, GradientRule>>
