// Random forms of ONNX's Attention.

import type { attention } from '../../../src/rewrite/decompositions/attention.ts'
import { floats, type Sweep, type SweepInput } from './sweep.ts'

export const attentionSweeps: { readonly [Name in keyof typeof attention]: Sweep } = {
  Attention: (draw) => {
    const [groups, repeats, size, valueSize] = [draw.int(1, 3), draw.int(1, 3), draw.pick([2, 4]), draw.pick([2, 5])]
    const heads = groups * repeats
    const [queries, added] = [draw.int(1, 4), draw.int(1, 5)]
    const past = draw.flag() ? draw.int(1, 3) : undefined
    const isCausal = draw.flag()
    const sizes = { batch: draw.int(1, 3), queries, keys: isCausal ? queries : added, past: past ?? 0 }
    const total = past === undefined ? 'keys' : 'keys+past'
    const flat = draw.flag()
    const x = (of: number, length: string, width: number) =>
      floats(draw, flat ? ['batch', length, of * width] : ['batch', of, length, width], sizes)
    const maskShape = [draw.pick(['batch', 1]), draw.pick([heads, 1]), 'queries', total]
    const float = floats(draw, maskShape, sizes)
    // Every query sees the first key.
    const columns = sizes.keys + sizes.past
    const bools: SweepInput = {
      dtype: 'bool',
      shape: maskShape,
      values: float.values.map((value, i) => Number(value > 0 || i % columns === 0)),
    }
    const mask = draw.pick([null, float, bools])
    const pasts = [size, valueSize].map((width) => floats(draw, ['batch', groups, 'past', width], sizes))
    return {
      attributes: {
        ...(flat ? { q_num_heads: heads, kv_num_heads: groups } : {}),
        ...(isCausal ? { is_causal: 1 } : {}),
        ...(draw.flag() ? { scale: draw.pick([0.5, 1]) } : {}),
        ...(draw.flag() ? { softcap: draw.pick([0.5, 2]) } : {}),
      },
      inputs: [
        x(heads, 'queries', size),
        x(groups, 'keys', size),
        x(groups, 'keys', valueSize),
        mask,
        ...(past === undefined ? [] : pasts),
      ],
      outputs: past === undefined ? [true] : [true, true, true],
      opset: draw.pick([23, 24]),
      sizes,
    }
  },
}
