// Random forms of ONNX's Attention.

import type { attention } from '../../../src/rewrite/decompositions/attention.ts'
import { type Draw, floats, type Sweep, type SweepInput } from './sweep.ts'

/** The lowest float32, as exporters write masks. */
const lowest = -3.4028234663852886e38

/** A mask of two to four axes, of floats or booleans, that may hide all keys from a query; null for none. */
function maskOf(draw: Draw, shape: SweepInput['shape'], sizes: Readonly<Record<string, number>>): SweepInput | null {
  const float = floats(draw, shape, sizes)
  const hidden = draw.pick([lowest, -Infinity])
  const columns = (sizes.keys as number) + (sizes.past as number)
  const isBlind = Array.from({ length: float.values.length / columns }, () => draw.uniform() < 0.2)
  const sees = float.values.map((value, i) => value > 0 && !isBlind[Math.floor(i / columns)])
  const some: SweepInput = { ...float, values: float.values.map((value, i) => (sees[i] ? value : hidden)) }
  return draw.pick([null, float, some, { dtype: 'bool', shape, values: sees.map(Number) }])
}

export const attentionSweeps: { readonly [Name in keyof typeof attention]: Sweep } = {
  Attention: (draw) => {
    const [groups, repeats, size, valueSize] = [draw.int(1, 3), draw.int(1, 3), draw.pick([2, 4]), draw.pick([2, 5])]
    const heads = groups * repeats
    const past = draw.flag() ? draw.int(1, 3) : undefined
    const [isCausal, queries, keys] = [draw.flag(), draw.int(1, 4), draw.int(1, 5)]
    // The runtime lets a single query after a past see all new keys, where the standard counts them like others.
    const added = isCausal && past !== undefined && queries === 1 ? 1 : keys
    const sizes = { batch: draw.int(1, 3), queries, keys: added, past: past ?? 0 }
    const total = past === undefined ? 'keys' : 'keys+past'
    const flat = draw.flag()
    const x = (of: number, length: string, width: number) =>
      floats(draw, flat ? ['batch', length, of * width] : ['batch', of, length, width], sizes)
    const maskShape = [draw.pick(['batch', 1]), draw.pick([heads, 1]), 'queries', total].slice(draw.int(0, 2))
    const lengths: SweepInput = {
      dtype: 'int64',
      shape: ['batch'],
      values: Array.from({ length: sizes.batch }, () => draw.int(0, sizes.keys)),
    }
    const pasts = [size, valueSize].map((width) => floats(draw, ['batch', groups, 'past', width], sizes))
    const hasLengths = past === undefined && draw.flag()
    const mode = draw.pick([undefined, 0, 1, 2, 3])
    return {
      attributes: {
        ...(flat ? { q_num_heads: heads, kv_num_heads: groups } : {}),
        ...(isCausal ? { is_causal: 1 } : {}),
        ...(draw.flag() ? { scale: draw.pick([0.5, 1]) } : {}),
        ...(draw.flag() ? { softcap: draw.pick([0.5, 2]) } : {}),
        ...(draw.flag() ? { softmax_precision: draw.pick([1, 10, 16]) } : {}),
        ...(mode === undefined ? {} : { qk_matmul_output_mode: mode }),
      },
      inputs: [
        x(heads, 'queries', size),
        x(groups, 'keys', size),
        x(groups, 'keys', valueSize),
        maskOf(draw, maskShape, sizes),
        ...(past === undefined ? [] : pasts),
        ...(hasLengths ? [null, null, lengths] : []),
      ],
      outputs: [true, ...(past === undefined ? [false, false] : [true, true]), mode !== undefined],
      opset: hasLengths ? 24 : draw.pick([23, 24]),
      sizes,
    }
  },
}
