// Decompositions of softmax as opset 11 and 12 have it: over all axes from `axis` to the last.

import { oldDomain } from '../../onnx/upgrade.ts'
import { axisOf } from '../../ops/operator.ts'
import { type Decomposition, int, required } from './decomposition.ts'

const flattened = (opType: 'Softmax' | 'LogSoftmax'): Decomposition => ({
  inputs: [1, 1],
  attributes: { axis: ['int', 1] },
  apply: (c) => {
    const { g, node } = c
    const x = required(c, 0)
    const axis = axisOf(int(c, 'axis'), x.shape.length, `${opType} "${node.name}"`)
    if (axis === x.shape.length - 1) return [g[opType](x, { axis: -1 })]
    return [g.Reshape(g[opType](g.Flatten(x, { axis }), { axis: -1 }), g.Shape(x))]
  },
})

export const oldSoftmax = {
  [`${oldDomain}.Softmax` as const]: flattened('Softmax'),
  [`${oldDomain}.LogSoftmax` as const]: flattened('LogSoftmax'),
} satisfies Record<string, Decomposition>
