// Random forms of rotary positions.

import type { rotary } from '../../../src/rewrite/decompositions/rotary.ts'
import { type Draw, floats, type Sweep, type SweepInput } from './sweep.ts'

/** Consecutive positions from a start of each text's own. */
export function positionsOf(draw: Draw, batch: number, sequence: number, most: number): SweepInput {
  const values = Array.from({ length: batch }, () => draw.int(0, most - sequence)).flatMap((start) =>
    Array.from({ length: sequence }, (_, i) => start + i),
  )
  return { dtype: 'int64', shape: ['batch', 'sequence'], values }
}

function rotation(draw: Draw) {
  const sizes = { batch: draw.int(1, 3), sequence: draw.int(1, 5) }
  const [heads, size] = [draw.int(1, 3), draw.pick([4, 8])]
  const half = draw.flag() ? size / 2 : size / 4
  const flat = draw.flag()
  const x = floats(draw, flat ? ['batch', 'sequence', heads * size] : ['batch', heads, 'sequence', size], sizes)
  const attributes = {
    ...(draw.flag() ? { interleaved: 1 } : {}),
    ...(half < size / 2 ? { rotary_embedding_dim: 2 * half } : {}),
    ...(flat || half < size / 2 ? { num_heads: heads } : {}),
  }
  const cache = (constant: boolean) => floats(draw, [8, half], sizes, { constant })
  return { sizes, x, half, attributes, cache }
}

export const rotarySweeps: { readonly [Name in keyof typeof rotary]: Sweep } = {
  RotaryEmbedding: (draw) => {
    const { sizes, x, half, attributes, cache } = rotation(draw)
    const perToken = () => floats(draw, ['batch', 'sequence', half], sizes)
    const tables = draw.flag()
      ? [cache(true), cache(true), positionsOf(draw, sizes.batch, sizes.sequence, 8)]
      : [perToken(), perToken()]
    return { attributes, inputs: [x, ...tables], opset: 23, sizes }
  },
  'com.microsoft.RotaryEmbedding': (draw) => {
    const { sizes, x, attributes, cache } = rotation(draw)
    const first: SweepInput = { dtype: 'int64', shape: draw.pick([[], [1]]), values: [draw.int(0, 8 - sizes.sequence)] }
    const positions = draw.flag() ? first : positionsOf(draw, sizes.batch, sizes.sequence, 8)
    const packing = draw.flag() ? { is_packed_batching: draw.int(0, 1) } : {}
    return { attributes: { ...attributes, ...packing }, inputs: [x, positions, cache(true), cache(true)], sizes }
  },
}
