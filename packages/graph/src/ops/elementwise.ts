// Rows of elementwise operators, comparisons and casts.

import { ShapeError } from '../errors.ts'
import { addDims, boundsOf, type Dim, divDims, mulDims, subtractDims } from '../ir/dim.ts'
import { dataTypeOfOnnx } from '../tensor/dtype.ts'
import { broadcastShapes, input, int, type InferContext, type Operator } from './operator.ts'

const unary: Operator = {
  inputs: [1, 1],
  attributes: {},
  infer: (c) => [{ dtype: input(c, 0).dtype, shape: input(c, 0).shape }],
}

type Arithmetic = (a: Dim, b: Dim) => Dim | undefined

function binary(arithmetic?: Arithmetic): Operator {
  return {
    inputs: [2, 2],
    attributes: {},
    same: [0, 1],
    infer: (c) => [{ dtype: input(c, 0).dtype, shape: broadcastInputs(c), ...contentOf(c, arithmetic) }],
  }
}

const comparison: Operator = {
  inputs: [2, 2],
  attributes: {},
  same: [0, 1],
  infer: (c) => [{ dtype: 'bool', shape: broadcastInputs(c) }],
}

/** 1 or 0, if two sizes are equal for all sizes of symbols or for none; symbols are whole numbers from 0 on. */
function equality(a: Dim, b: Dim): 0 | 1 | undefined {
  if (a === b) return 1
  const [least, greatest] = boundsOf(subtractDims(a, b))
  return least > 0 || greatest < 0 ? 0 : undefined
}

/** What exporters compare and select: a computed shape whose -1 stand for the sizes of another shape. */
function knownEqual(c: InferContext): { content?: Dim[] } {
  const { content = [] } = contentOf(c, (a, b) => equality(a, b) ?? -1)
  return content.length && !content.includes(-1) ? { content } : {}
}

function knownChoice(c: InferContext): { content?: Dim[] } {
  const [condition, a, b] = [0, 1, 2].map((i) => input(c, i).content)
  if (!condition || !a || !b || broadcastInputs(c).length > 1) return {}
  const length = Math.max(condition.length, a.length, b.length)
  const at = (list: readonly Dim[], i: number) => list[list.length === 1 ? 0 : i] as Dim
  return { content: Array.from({ length }, (_, i) => (at(condition, i) ? at(a, i) : at(b, i))) }
}

const variadic: Operator = {
  inputs: [1, 1000],
  attributes: {},
  same: 'all',
  infer: (c) => [{ dtype: input(c, 0).dtype, shape: broadcastInputs(c) }],
}

const predicate: Operator = { ...unary, infer: (c) => [{ dtype: 'bool', shape: input(c, 0).shape }] }

const broadcastInputs = (c: InferContext) =>
  broadcastShapes(
    c.x.map((_, i) => input(c, i).shape),
    c.where,
  )

/** The known elements of the result, for arithmetic on shapes; one element broadcasts. */
function contentOf(c: InferContext, arithmetic?: Arithmetic): { content?: Dim[] } {
  const [a, b] = [input(c, 0).content, input(c, 1).content]
  if (!arithmetic || !a || !b) return {}
  // Content is a list: two matrices do not broadcast as their lists would.
  if (a.length > 1 && b.length > 1 && broadcastInputs(c).length > 1) return {}
  const length = Math.max(a.length, b.length)
  const content = Array.from(
    { length },
    (_, i) => arithmetic(a[a.length === 1 ? 0 : i] as Dim, b[b.length === 1 ? 0 : i] as Dim) ?? c.unknownDim(),
  )
  return { content }
}

const divide: Arithmetic = (a, b) =>
  typeof a === 'number' && typeof b === 'number' ? Math.trunc(a / b) : divDims(a, b)

export const elementwise = {
  Add: binary(addDims),
  Sub: binary(subtractDims),
  Mul: binary((a, b) => mulDims(a, b)),
  Div: binary(divide),
  Pow: { inputs: [2, 2], attributes: {}, infer: (c) => [{ dtype: input(c, 0).dtype, shape: broadcastInputs(c) }] },
  Mod: { ...binary(), attributes: { fmod: ['int', 0] } },
  Max: variadic,
  Min: variadic,
  Sum: variadic,
  Neg: unary,
  Abs: unary,
  Sqrt: unary,
  Exp: unary,
  Log: unary,
  Sin: unary,
  Cos: unary,
  Tanh: unary,
  Sigmoid: unary,
  Relu: unary,
  Softplus: unary,
  Erf: unary,
  Reciprocal: unary,
  Floor: unary,
  Ceil: unary,
  Sign: unary,
  Not: unary,
  Identity: {
    ...unary,
    infer: (c) => {
      const { dtype, shape, content } = input(c, 0)
      return [{ dtype, shape, ...(content ? { content } : {}) }]
    },
  },
  /** The identity without a gradient (torch.Tensor.detach). Not an ONNX operator: lowered before running. */
  StopGradient: unary,
  /** The first input, computed after the second one is. Not an ONNX operator: lowered before running. */
  RunAfter: { ...unary, inputs: [1, 2] },
  LeakyRelu: { ...unary, attributes: { alpha: ['float', 0.01] } },
  HardSigmoid: { ...unary, attributes: { alpha: ['float', 0.2], beta: ['float', 0.5] } },
  /** x sigmoid(x): SiLU. */
  Swish: unary,
  Gelu: { ...unary, attributes: { approximate: ['string', 'none'] } },
  Clip: {
    inputs: [1, 3],
    attributes: {},
    same: 'all',
    infer: (c) => [{ dtype: input(c, 0).dtype, shape: input(c, 0).shape }],
  },
  Dropout: {
    inputs: [1, 3],
    attributes: { seed: ['int'] },
    infer: (c) => [
      { dtype: input(c, 0).dtype, shape: input(c, 0).shape },
      { dtype: 'bool', shape: input(c, 0).shape },
    ],
  },
  Equal: { ...comparison, infer: (c) => [{ dtype: 'bool', shape: broadcastInputs(c), ...knownEqual(c) }] },
  Less: comparison,
  LessOrEqual: comparison,
  Greater: comparison,
  GreaterOrEqual: comparison,
  And: comparison,
  Or: comparison,
  IsNaN: predicate,
  IsInf: { ...predicate, attributes: { detect_negative: ['int', 1], detect_positive: ['int', 1] } },
  Where: {
    inputs: [3, 3],
    attributes: {},
    same: [1, 2],
    infer: (c) => [{ dtype: input(c, 1).dtype, shape: broadcastInputs(c), ...knownChoice(c) }],
  },
  DequantizeLinear: {
    inputs: [2, 3],
    attributes: { axis: ['int', 1], block_size: ['int', 0] },
    infer: (c) => [{ dtype: input(c, 1).dtype, shape: input(c, 0).shape }],
  },
  Cast: {
    inputs: [1, 1],
    attributes: { to: ['int'], saturate: ['int', 1] },
    infer: (c) => {
      const dtype = dataTypeOfOnnx(int(c, 'to'))
      if (!dtype)
        throw new ShapeError({
          where: c.where,
          what: 'Cast to an element type this library does not know',
          found: String(c.attributes.to),
        })
      const { shape, content } = input(c, 0)
      return [{ dtype, shape, ...(content ? { content } : {}) }]
    },
  },
} satisfies Record<string, Operator>
