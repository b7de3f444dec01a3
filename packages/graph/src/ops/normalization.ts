// Softmax, layer and RMS normalization.

import { axisOf, input, int, type Operator } from './operator.ts'

const alongAxis: Operator = {
  inputs: [1, 1],
  attributes: { axis: ['int', -1] },
  infer: (c) => {
    axisOf(int(c, 'axis'), input(c, 0).shape.length, c.where)
    return [{ dtype: input(c, 0).dtype, shape: input(c, 0).shape }]
  },
}

/** The value's own type, then float32 statistics of each slice from `axis` on. */
const normalizing =
  (statistics: number): Operator['infer'] =>
  (c) => {
    const { dtype, shape } = input(c, 0)
    const axis = axisOf(int(c, 'axis'), shape.length, c.where)
    const kept = { dtype: 'float32', shape: shape.map((dim, i) => (i < axis ? dim : 1)) } as const
    return [{ dtype, shape }, ...Array.from({ length: statistics }, () => kept)]
  }

/** stash_type 1: statistics are float32 whatever the input is. */
const attributes: Operator['attributes'] = { axis: ['int', -1], epsilon: ['float', 1e-5], stash_type: ['int', 1] }

export const normalization = {
  Softmax: alongAxis,
  LogSoftmax: alongAxis,
  /** Also gives mean and inverse deviation. */
  LayerNormalization: { inputs: [2, 3], attributes, same: 'all', infer: normalizing(2) },
  RMSNormalization: { inputs: [2, 2], attributes, same: 'all', infer: normalizing(0) },
  /** RMS normalization that also gives 1 / rms. ONNX Runtime's own, under ONNX's domain. */
  SimplifiedLayerNormalization: { inputs: [2, 2], attributes, same: 'all', infer: normalizing(1) },
} satisfies Record<string, Operator>
