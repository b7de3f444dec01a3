// Random forms of the runtime's MultiHeadAttention and Attention.

import type { multiHeadAttention } from '../../../src/rewrite/decompositions/multi-head-attention.ts'
import { type Draw, floats, type Sweep, type SweepInput } from './sweep.ts'

type Sizes = Readonly<Record<string, number>>

/** A mask of each form, which leaves the first key of a text visible: beside -10000 scores keep three digits. */
function maskOf(draw: Draw, sizes: Sizes, keys: string, total: number): SweepInput | null {
  const ones = (count: number) => Array.from({ length: count }, (_, i) => (i % total === 0 ? 1 : draw.int(0, 1)))
  const batch = sizes.batch as number
  return draw.pick([
    null,
    { dtype: 'int32', shape: ['batch'], values: Array.from({ length: batch }, () => draw.int(1, total)) },
    { dtype: 'int32', shape: ['batch', keys], values: ones(batch * total) },
    {
      dtype: 'int32',
      shape: ['batch', 'sequence', keys],
      values: ones(batch * (sizes.sequence as number) * total),
    },
  ] satisfies (SweepInput | null)[])
}

const scaleOf = (draw: Draw) => ({
  ...(draw.flag() ? { scale: draw.pick([0.25, 1]) } : {}),
  ...(draw.flag() ? { mask_filter_value: -1000 } : {}),
})

export const multiHeadSweeps: { readonly [Name in keyof typeof multiHeadAttention]: Sweep } = {
  'com.microsoft.MultiHeadAttention': (draw) => {
    const [heads, size, sequence] = [draw.int(1, 3), draw.pick([4, 8]), draw.int(1, 4)]
    const isCross = draw.uniform() < 0.3
    const isByHeads = isCross && draw.flag()
    const past = !isByHeads && draw.flag() ? draw.int(1, 3) : 0
    // The runtime takes values of another size than keys only without a cache, and not by heads.
    const valueSize = past > 0 || isByHeads ? size : draw.pick([4, 6])
    const sizes = { batch: draw.int(1, 3), sequence, keys: isCross ? draw.int(1, 5) : sequence, past }
    const x = (length: string, width: number) => floats(draw, ['batch', length, heads * width], sizes)
    const byHeads = (length: string, width: number) => floats(draw, ['batch', heads, length, width], sizes)
    const total = sizes.keys + past
    const columns = past > 0 ? 'keys+past' : 'keys'
    const bias = !isByHeads && draw.flag() ? floats(draw, [heads * (2 * size + valueSize)]) : null
    const scores = floats(draw, [draw.pick(['batch', 1]), draw.pick([heads, 1]), 'sequence', columns], sizes)
    return {
      attributes: {
        num_heads: heads,
        ...scaleOf(draw),
        // With other numbers of keys the runtime lets the last query see all.
        ...(!isCross && draw.flag() ? { unidirectional: 1 } : {}),
      },
      inputs: [
        x('sequence', size),
        ...(isByHeads ? [byHeads('keys', size), byHeads('keys', valueSize)] : [x('keys', size), x('keys', valueSize)]),
        bias,
        maskOf(draw, sizes, columns, total),
        draw.flag() ? scores : null,
        ...(past > 0 ? [byHeads('past', size), byHeads('past', valueSize)] : []),
      ],
      outputs: past > 0 ? [true, true, true] : [true],
      sizes,
    }
  },
  'com.microsoft.Attention': (draw) => {
    const [heads, size, valueSize] = [draw.int(1, 3), draw.pick([4, 8]), draw.pick([4, 6])]
    const past = draw.flag() ? draw.int(1, 3) : 0
    const sizes = { batch: draw.int(1, 3), sequence: draw.int(1, 4), past }
    const width = draw.int(3, 9)
    const own = past === 0 && draw.flag() ? valueSize : size
    const out = heads * (2 * size + own)
    const columns = past > 0 ? 'past+sequence' : 'sequence'
    const scores = floats(draw, [draw.pick(['batch', 1]), draw.pick([heads, 1]), 'sequence', columns], sizes)
    return {
      attributes: {
        num_heads: heads,
        ...scaleOf(draw),
        ...(draw.flag() ? { unidirectional: 1 } : {}),
        ...(own === size ? {} : { qkv_hidden_sizes: [heads * size, heads * size, heads * own] }),
      },
      inputs: [
        floats(draw, ['batch', 'sequence', width], sizes),
        floats(draw, [width, out], sizes, { constant: true }),
        floats(draw, [out], sizes, { constant: true }),
        maskOf(draw, sizes, columns, sizes.sequence + past),
        past > 0 ? floats(draw, [2, 'batch', heads, 'past', size], sizes) : null,
        // The runtime refuses both.
        past === 0 && draw.flag() ? scores : null,
      ],
      outputs: past > 0 ? [true, true] : [true],
      sizes,
    }
  },
}
