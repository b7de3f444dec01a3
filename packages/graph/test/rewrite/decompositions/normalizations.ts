// Random forms of the runtime's normalizations.

import type { normalizations } from '../../../src/rewrite/decompositions/normalizations.ts'
import { type Draw, floats, type Sweep, type SweepInput } from './sweep.ts'

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
  'com.microsoft.SkipLayerNormalization': (draw) => {
    const sizes = { batch: draw.int(1, 3), sequence: draw.int(1, 4) }
    const width = draw.int(2, 24)
    const x = () => floats(draw, ['batch', 'sequence', width], sizes)
    const skip = draw.flag() ? x() : floats(draw, [draw.flag() ? 1 : 'batch', 'sequence', width], sizes)
    const vector = () => floats(draw, [width])
    return {
      attributes: epsilonOf(draw),
      inputs: [x(), skip, vector(), draw.flag() ? vector() : null, draw.flag() ? vector() : null],
      outputs: [true, false, false, draw.flag()],
      sizes,
    }
  },
  'com.microsoft.EmbedLayerNormalization': (draw) => {
    const sizes = { batch: draw.int(1, 3), sequence: draw.int(1, 5) }
    const width = draw.int(2, 12)
    const count = sizes.batch * sizes.sequence
    const integers = (most: number): SweepInput => ({
      dtype: 'int32',
      shape: ['batch', 'sequence'],
      values: Array.from({ length: count }, () => draw.int(0, most)),
    })
    const typed = draw.flag()
    const table = (rows: number) => floats(draw, [rows, width])
    const vector = () => floats(draw, [width])
    return {
      attributes: { ...epsilonOf(draw), ...(draw.flag() ? { mask_index_type: draw.int(0, 1) } : {}) },
      inputs: [
        integers(8),
        typed ? integers(1) : null,
        table(9),
        table(7),
        typed ? table(2) : null,
        vector(),
        vector(),
        draw.flag() ? integers(1) : null,
        draw.flag() ? integers(6) : null,
      ],
      outputs: [true, draw.flag(), draw.flag()],
      sizes,
    }
  },
}
