// Softmax and layer normalization.

import { axisOf, input, int, type Operator } from './operator.ts'

const alongAxis: Operator = {
  inputs: [1, 1],
  attributes: { axis: -1 },
  infer: (c) => {
    axisOf(int(c, 'axis'), input(c, 0).shape.length, c.where)
    return [{ dtype: input(c, 0).dtype, shape: input(c, 0).shape }]
  },
}

export const normalization = {
  Softmax: alongAxis,
  LogSoftmax: alongAxis,
  LayerNormalization: {
    inputs: [2, 3],
    attributes: { axis: -1, epsilon: 1e-5, stash_type: 1 },
    infer: (c) => {
      const { dtype, shape } = input(c, 0)
      const axis = axisOf(int(c, 'axis'), shape.length, c.where)
      const kept = shape.map((dim, i) => (i < axis ? dim : 1))
      return [
        { dtype, shape },
        { dtype, shape: kept },
        { dtype, shape: kept },
      ]
    },
  },
} satisfies Record<string, Operator>
