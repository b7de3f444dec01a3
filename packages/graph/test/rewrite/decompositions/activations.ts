// Random forms of the runtime's activations.

import type { activations } from '../../../src/rewrite/decompositions/activations.ts'
import { floats, type Sweep } from './sweep.ts'

const activation =
  (biased: boolean, options: Pick<ReturnType<Sweep>, 'attributes'> = {}): Sweep =>
  (draw) => {
    const sizes = { batch: draw.int(1, 3), sequence: draw.int(1, 4) }
    const width = draw.int(1, 40)
    const shape = draw.flag() ? ['batch', 'sequence', width] : ['batch', width]
    const x = floats(draw, shape, sizes, { scale: 4 })
    return { ...options, inputs: biased ? [x, floats(draw, [width])] : [x], sizes }
  }

export const activationSweeps: { readonly [Name in keyof typeof activations]: Sweep } = {
  'com.microsoft.Gelu': activation(false),
  'com.microsoft.BiasGelu': activation(true),
  'com.microsoft.FastGelu': (draw) => activation(draw.flag())(draw),
  'com.microsoft.QuickGelu': (draw) =>
    activation(false, draw.flag() ? { attributes: { alpha: draw.pick([1, 1.702, 0.5]) } } : {})(draw),
}
