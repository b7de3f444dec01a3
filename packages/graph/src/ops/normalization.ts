// Rows of softmax, layer and RMS normalization.

import { axisOf, input, int, type Operator } from './operator.ts'

const alongAxis: Operator = {
  inputs: [1, 1],
  attributes: { axis: ['int', -1] },
  infer: (c) => {
    axisOf(int(c, 'axis'), input(c, 0).shape.length, c.where)
    return [{ dtype: input(c, 0).dtype, shape: input(c, 0).shape }]
  },
}

/** The type of the input, then float32 statistics over the axes from `axis` to the last. */
const normalizing =
  (statistics: number): Operator['infer'] =>
  (c) => {
    const { dtype, shape } = input(c, 0)
    const axis = axisOf(int(c, 'axis'), shape.length, c.where)
    const statistic = { dtype: 'float32', shape: shape.map((dim, i) => (i < axis ? dim : 1)) } as const
    return [{ dtype, shape }, ...Array.from({ length: statistics }, () => statistic)]
  }

/** A normalization of a sum, of ONNX Runtime. Outputs: the normalized sum, two statistics, and the sum. */
const ofSum = (inputs: Operator['inputs']): Operator => ({
  inputs,
  attributes: { epsilon: ['float', 1e-12] },
  domain: 'com.microsoft',
  same: 'all',
  infer: (c) => {
    const { dtype, shape } = input(c, 0)
    const sum = { dtype, shape }
    const statistic = { dtype: 'float32', shape: [...shape.slice(0, -1), 1] } as const
    return [sum, statistic, statistic, sum]
  },
})

/** stash_type 1: statistics are float32 for any input type. */
const attributes: Operator['attributes'] = { axis: ['int', -1], epsilon: ['float', 1e-5], stash_type: ['int', 1] }

export const normalization = {
  Softmax: alongAxis,
  LogSoftmax: alongAxis,
  /** Further outputs: mean and inverse standard deviation. */
  LayerNormalization: { inputs: [2, 3], attributes, same: 'all', infer: normalizing(2) },
  RMSNormalization: { inputs: [2, 2], attributes, same: 'all', infer: normalizing(0) },
  /** RMS normalization with 1 / rms as second output. An operator of ONNX Runtime, in ONNX's domain. */
  SimplifiedLayerNormalization: { inputs: [2, 2], attributes, same: 'all', infer: normalizing(1) },
  /** Layer normalization of a sum: input, skip, scale, shift, and a bias of the sum. */
  SkipLayerNormalization: ofSum([3, 5]),
  /** RMS normalization of a sum: input, skip, scale, and a bias of the sum. */
  SkipSimplifiedLayerNormalization: ofSum([3, 4]),
} satisfies Record<string, Operator>
