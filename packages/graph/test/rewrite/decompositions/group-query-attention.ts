// Random forms of GroupQueryAttention: a prompt, one more token for each of several texts, more tokens of one text; the
// cache is as long as the longest text, or a buffer with place to spare.

import type { groupQueryAttention } from '../../../src/rewrite/decompositions/group-query-attention.ts'
import { type Draw, floats, type Sweep, type SweepInput } from './sweep.ts'

/** The lowest float32, as exporters write masks. */
const lowest = -3.4028234663852886e38

const integers = (shape: SweepInput['shape'], values: readonly number[]): SweepInput => ({
  dtype: 'int32',
  shape,
  values,
})

interface Lengths {
  readonly batch: number
  readonly sequence: number
  /** Slots of the cache. */
  readonly past: number
  /** Slots that the longest text fills, of old and new tokens. */
  readonly total: number
  readonly earlier: readonly number[]
  readonly added: readonly number[]
}

/** Numbers of earlier and of new tokens. */
function lengths(draw: Draw): Lengths {
  const kind = draw.pick(['prompt', 'token', 'more'])
  const batch = kind === 'more' ? 1 : draw.int(1, 3)
  const sequence = kind === 'token' ? 1 : draw.int(2, 6)
  const longest = kind === 'prompt' ? 0 : draw.int(1, 5)
  const spare = draw.uniform() < 0.3 ? draw.int(1, 4) : 0
  const each = <Item>(make: (row: number) => Item) => Array.from({ length: batch }, (_, row) => make(row))
  // The first text is the longest.
  return {
    batch,
    sequence,
    past: spare === 0 ? longest : longest + sequence + spare,
    total: longest + sequence,
    earlier: each((row) => (kind === 'prompt' ? 0 : row === 0 ? longest : draw.int(1, longest))),
    added: each((row) => (kind === 'prompt' && row > 0 ? draw.int(1, sequence) : sequence)),
  }
}

export const groupQuerySweeps: { readonly [Name in keyof typeof groupQueryAttention]: Sweep } = {
  'com.microsoft.GroupQueryAttention': (draw) => {
    const { batch, sequence, past, total, earlier, added } = lengths(draw)
    const [groups, repeats, size] = [draw.int(1, 3), draw.int(1, 3), draw.pick([16, 32])]
    const heads = groups * repeats
    const sizes = { batch, sequence, past }
    const isBuffer = past > 0 && total <= past
    const x = (count: number) => floats(draw, ['batch', 'sequence', count * size], sizes)
    const isCached = past > 0 || draw.flag()
    const cache = () => (isCached ? floats(draw, ['batch', groups, 'past', size], sizes) : null)
    const isRotary = draw.flag()
    const half = size === 32 && draw.flag() ? size / 4 : size / 2
    const angles = () => (isRotary ? floats(draw, [16, half], sizes, { constant: true }) : null)
    const positions: SweepInput = {
      dtype: 'int64',
      shape: ['batch', 'sequence'],
      values: earlier.flatMap((start) => Array.from({ length: sequence }, (_, i) => start + i)),
    }
    const some = floats(draw, [draw.pick(['batch', 1]), draw.pick([heads, 1]), 'sequence', 'past+sequence'], sizes)
    const softcap = draw.flag() ? draw.pick([0.5, 3]) : 0
    const hidden = draw.pick([lowest, -Infinity])
    // With a softcap the runtime gives the mean of the values, or NaN, where a bias hides all keys, else zeros.
    const isFull = softcap > 0 || draw.flag()
    const bias = isFull ? some : { ...some, values: some.values.map((value) => (value > 0 ? value : hidden)) }
    const further = [
      isRotary && draw.uniform() < 0.3 ? positions : null,
      !isBuffer && draw.uniform() < 0.3 ? bias : null,
      draw.uniform() < 0.3 ? floats(draw, [heads]) : null,
    ]
    return {
      attributes: {
        num_heads: heads,
        kv_num_heads: groups,
        ...(isRotary ? { do_rotary: 1, rotary_interleaved: draw.int(0, 1) } : {}),
        ...(draw.flag() ? { scale: draw.pick([0.125, 0.5]) } : {}),
        ...(softcap > 0 ? { softcap } : {}),
        ...(draw.flag() ? { local_window_size: draw.pick([-1, 1, 2, 4]) } : {}),
        ...(draw.uniform() < 0.2 ? { smooth_softmax: 1 } : {}),
      },
      inputs: [
        ...(draw.flag() ? [x(heads), x(groups), x(groups)] : [x(heads + 2 * groups), null, null]),
        cache(),
        cache(),
        integers(
          ['batch'],
          earlier.map((start, row) => start + (added[row] as number) - 1),
        ),
        integers(draw.pick([[], [1]]), [total]),
        angles(),
        angles(),
        ...further,
      ],
      outputs: [true, true, true],
      // The runtime writes into a buffer, which is as long as before; a graph appends.
      uncompared: isBuffer ? [1, 2] : [],
      sizes,
      isReal: (output, at) => {
        const row = at[0] as number
        if (output === 0) return (at[1] as number) < (added[row] as number)
        return (at[2] as number) < (earlier[row] as number) + (added[row] as number)
      },
    }
  },
}
