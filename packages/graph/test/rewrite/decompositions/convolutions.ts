// Random forms of the runtime's causal convolutions.

import type { convolutions } from '../../../src/rewrite/decompositions/convolutions.ts'
import { floats, type Sweep } from './sweep.ts'

export const convolutionSweeps: { readonly [Name in keyof typeof convolutions]: Sweep } = {
  'com.microsoft.CausalConvWithState': (draw) => {
    const sizes = { batch: draw.int(1, 3), tokens: draw.int(1, 6) }
    const [channels, kernel] = [draw.int(1, 5), draw.int(2, 4)]
    const optional = (shape: Parameters<typeof floats>[1]) => (draw.flag() ? floats(draw, shape, sizes) : null)
    return {
      attributes: { activation: draw.pick(['none', 'silu', 'swish']) },
      inputs: [
        floats(draw, ['batch', channels, 'tokens'], sizes),
        floats(draw, [channels, 1, kernel]),
        optional([channels]),
        optional(['batch', channels, kernel - 1]),
      ],
      outputs: [true, true],
      sizes,
    }
  },
}
