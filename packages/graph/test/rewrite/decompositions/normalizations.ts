// Random forms of the runtime's normalizations.

import type { normalizations } from '../../../src/rewrite/decompositions/normalizations.ts'
import { type Draw, floats, type Sweep } from './sweep.ts'

const epsilonOf = (draw: Draw) => (draw.flag() ? { epsilon: draw.pick([1e-6, 1e-5, 0.1]) } : {})

export const normalizationSweeps: { readonly [Name in keyof typeof normalizations]: Sweep } = {
  SimplifiedLayerNormalization: (draw) => {
    const sizes = { batch: draw.int(1, 3), sequence: draw.int(1, 4) }
    const width = draw.int(2, 24)
    return {
      attributes: { axis: -1, ...epsilonOf(draw) },
      inputs: [floats(draw, ['batch', 'sequence', width], sizes), floats(draw, [width])],
      outputs: [true, draw.flag()],
      sizes,
    }
  },
  'com.microsoft.SkipSimplifiedLayerNormalization': (draw) => {
    const sizes = { batch: draw.int(1, 3), sequence: draw.int(1, 4) }
    const width = draw.int(2, 24)
    const x = () => floats(draw, ['batch', 'sequence', width], sizes)
    return {
      attributes: epsilonOf(draw),
      inputs: [x(), x(), floats(draw, [width]), ...(draw.flag() ? [floats(draw, [width])] : [])],
      outputs: [true, false, false, draw.flag()],
      sizes,
    }
  },
}
