// Seeded random streams. A stream is a function of a seed and further keys, so that a run can repeat any of them. The
// only importer of pure-rand.

import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

/** A generator of random numbers with a seed. */
export interface Random {
  /** A number in [0, 1). */
  uniform: () => number
  /** A whole number in [0, below). */
  integer: (below: number) => number
  /** A standard normal number (Box-Muller). */
  normal: () => number
  /** One of the items. */
  pick: <Item>(items: readonly Item[]) => Item
  /** The items in random order (Fisher-Yates), as a new array. */
  shuffle: <Item>(items: readonly Item[]) => Item[]
  /** `size` bytes, each 1 with probability `keep`, else 0. */
  mask: (size: number, keep: number) => Uint8Array
}

/** FNV-1a hash of the keys' text. */
function hash(keys: readonly (string | number)[]): number {
  let state = 0x811c9dc5
  for (const character of keys.join('\u0000')) {
    state ^= character.codePointAt(0) as number
    state = Math.imul(state, 0x01000193)
  }
  return state | 0
}

const gapTables = new Map<number, Uint32Array>()

/** Number of ones before a zero, which is geometrically distributed: floor(ln u / ln keep) at 65536 quantiles u. */
function gapsOf(keep: number): Uint32Array {
  const table =
    gapTables.get(keep) ??
    Uint32Array.from({ length: 0x1_0000 }, (_, i) => Math.log((i + 0.5) / 0x1_0000) / Math.log(keep))
  gapTables.set(keep, table)
  return table
}

/** A random stream that depends only on `seed` and `keys`. */
export function random(seed: number, ...keys: readonly (string | number)[]): Random {
  const generator = xoroshiro128plus(hash([seed, ...keys]))
  const uniform = () => uniformFloat64(generator)
  const integer = (below: number) => uniformInt(generator, 0, below - 1)
  // Draws the gap to each zero instead of each element: masks have tens of millions of elements a step, few of them
  // zero.
  const mask = (size: number, keep: number) => {
    const bits = new Uint8Array(size).fill(1)
    if (keep >= 1) return bits
    const gaps = gapsOf(keep)
    // Marsaglia's xorshift; each word gives two gaps.
    let word = generator.next() | 1
    for (let at = 0; at < size; ) {
      word ^= word << 13
      word ^= word >>> 17
      word ^= word << 5
      at += gaps[word & 0xffff] as number
      if (at < size) bits[at++] = 0
      at += gaps[word >>> 16] as number
      if (at < size) bits[at++] = 0
    }
    return bits
  }
  return {
    uniform,
    integer,
    mask,
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    pick: (items) => items[integer(items.length)] as (typeof items)[number],
    shuffle: (items) => {
      const order = [...items]
      for (let i = order.length - 1; i > 0; i--) {
        const j = integer(i + 1)
        ;[order[i], order[j]] = [order[j] as (typeof items)[number], order[i] as (typeof items)[number]]
      }
      return order
    },
  }
}
