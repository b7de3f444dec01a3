// Rows of reductions, cumulative sums and searches along axes.

import type { Dim } from '../ir/dim.ts'
import type { Shape } from '../ir/graph.ts'
import { axesInput, axisOf, input, int, type InferContext, type Operator } from './operator.ts'

/** Axes that a reduction removes, counted from the front; all axes if the node names none. */
function reducedAxes(c: InferContext): number[] {
  const rank = input(c, 0).shape.length
  const axes = axesInput(c) ?? []
  if (axes.length > 0) return axes.map((axis) => axisOf(axis, rank, c.where))
  return int(c, 'noop_with_empty_axes') ? [] : Array.from({ length: rank }, (_, i) => i)
}

function reducedShape(shape: Shape, axes: readonly number[], keepdims: boolean): Shape {
  return keepdims ? shape.map((dim, i) => (axes.includes(i) ? 1 : dim)) : shape.filter((_, i) => !axes.includes(i))
}

const reduction: Operator = {
  inputs: [1, 2],
  attributes: { keepdims: ['int', 1], noop_with_empty_axes: ['int', 0] },
  infer: (c) => [
    { dtype: input(c, 0).dtype, shape: reducedShape(input(c, 0).shape, reducedAxes(c), int(c, 'keepdims') === 1) },
  ],
}

const search: Operator = {
  inputs: [1, 1],
  attributes: { axis: ['int', 0], keepdims: ['int', 1], select_last_index: ['int', 0] },
  infer: (c) => {
    const { shape } = input(c, 0)
    return [
      {
        dtype: 'int64',
        shape: reducedShape(shape, [axisOf(int(c, 'axis'), shape.length, c.where)], int(c, 'keepdims') === 1),
      },
    ]
  },
}

function topK(c: InferContext): Shape {
  const { shape } = input(c, 0)
  const axis = axisOf(int(c, 'axis'), shape.length, c.where)
  const k = input(c, 1).content?.[0] ?? c.unknownDim()
  return shape.map((dim, i): Dim => (i === axis ? k : dim))
}

export const reductions = {
  ReduceSum: reduction,
  ReduceMean: reduction,
  ReduceMax: reduction,
  ReduceMin: reduction,
  ReduceProd: reduction,
  ReduceL1: reduction,
  ReduceL2: reduction,
  ReduceSumSquare: reduction,
  ReduceLogSumExp: reduction,
  ArgMax: search,
  ArgMin: search,
  CumSum: {
    inputs: [2, 2],
    attributes: { exclusive: ['int', 0], reverse: ['int', 0] },
    infer: (c) => [{ dtype: input(c, 0).dtype, shape: input(c, 0).shape }],
  },
  TopK: {
    inputs: [2, 2],
    attributes: { axis: ['int', -1], largest: ['int', 1], sorted: ['int', 1] },
    infer: (c) => [
      { dtype: input(c, 0).dtype, shape: topK(c) },
      { dtype: 'int64', shape: topK(c) },
    ],
  },
} satisfies Record<string, Operator>
