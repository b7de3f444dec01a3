// Random forms of softmax as opset 11 has it.

import type { oldSoftmax } from '../../../src/rewrite/decompositions/old-softmax.ts'
import { floats, type Sweep } from './sweep.ts'

const flattened: Sweep = (draw) => {
  const sizes = { batch: draw.int(1, 3) }
  return {
    attributes: draw.flag() ? { axis: draw.int(-3, 2) } : {},
    inputs: [floats(draw, ['batch', draw.int(1, 4), draw.int(1, 5)], sizes)],
    opset: 11,
    sizes,
  }
}

export const oldSoftmaxSweeps: { readonly [Name in keyof typeof oldSoftmax]: Sweep } = {
  'ai.onnx.11.Softmax': flattened,
  'ai.onnx.11.LogSoftmax': flattened,
}
