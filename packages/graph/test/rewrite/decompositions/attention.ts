// Random forms of attention and rotary positions.

import type { attention } from '../../../src/rewrite/decompositions/attention.ts'
import { floats, type Sweep } from './sweep.ts'

export const attentionSweeps: { readonly [Name in keyof typeof attention]: Sweep } = {
  Attention: (draw) => {
    const sizes = { batch: draw.int(1, 3), sequence: draw.int(1, 5) }
    const [groups, repeats, size] = [draw.int(1, 3), draw.int(1, 3), draw.pick([2, 4])]
    const kv = () => floats(draw, ['batch', groups, 'sequence', size], sizes)
    return {
      inputs: [floats(draw, ['batch', groups * repeats, 'sequence', size], sizes), kv(), kv()],
      opset: 23,
      sizes,
    }
  },
  RotaryEmbedding: (draw) => {
    const sizes = { batch: draw.int(1, 3), sequence: draw.int(1, 5) }
    const size = draw.pick([2, 4, 8])
    const cache = () => floats(draw, ['batch', 'sequence', size / 2], sizes)
    return {
      inputs: [floats(draw, ['batch', draw.int(1, 3), 'sequence', size], sizes), cache(), cache()],
      opset: 23,
      sizes,
    }
  },
}
