// Softmax, layer and RMS normalization.

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
    // stash_type 1: mean and inverse deviation are float32 whatever the input is.
    attributes: { axis: -1, epsilon: 1e-5, stash_type: 1 },
    infer: (c) => {
      const { dtype, shape } = input(c, 0)
      const axis = axisOf(int(c, 'axis'), shape.length, c.where)
      const kept = shape.map((dim, i) => (i < axis ? dim : 1))
      return [
        { dtype, shape },
        { dtype: 'float32', shape: kept },
        { dtype: 'float32', shape: kept },
      ]
    },
  },
  RMSNormalization: {
    inputs: [2, 2],
    attributes: { axis: -1, epsilon: 1e-5, stash_type: 1 },
    infer: (c) => {
      axisOf(int(c, 'axis'), input(c, 0).shape.length, c.where)
      return [{ dtype: input(c, 0).dtype, shape: input(c, 0).shape }]
    },
  },
  /** RMS normalization that also gives 1 / rms. ONNX Runtime's own, under ONNX's domain. */
  SimplifiedLayerNormalization: {
    inputs: [2, 2],
    attributes: { axis: -1, epsilon: 1e-5, stash_type: 1 },
    infer: (c) => {
      const { dtype, shape } = input(c, 0)
      const axis = axisOf(int(c, 'axis'), shape.length, c.where)
      return [
        { dtype, shape },
        { dtype: 'float32', shape: shape.map((dim, i) => (i < axis ? dim : 1)) },
      ]
    },
  },
} satisfies Record<string, Operator>
