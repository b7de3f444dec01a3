// Seeded randomness: the only importer of pure-rand. A stream is named by a seed and any further keys, so a run can draw any of them again.

import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

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

/** FNV-1a over the text of the keys: distinct streams for distinct keys. */
function hash(keys: readonly (string | number)[]): number {
  let state = 0x811c9dc5
  for (const character of keys.join('\u0000')) {
    state ^= character.codePointAt(0) as number
    state = Math.imul(state, 0x01000193)
  }
  return state | 0
}

/** A random stream that depends only on `seed` and `keys`. */
export function random(seed: number, ...keys: readonly (string | number)[]): Random {
  const generator = xoroshiro128plus(hash([seed, ...keys]))
  const uniform = () => uniformFloat64(generator)
  const integer = (below: number) => uniformInt(generator, 0, below - 1)
  // Marsaglia's xorshift, 16 bits an element: masks take millions of numbers a step, several times what the generator gives in that time.
  const mask = (size: number, keep: number) => {
    const threshold = Math.round(keep * 0x1_0000)
    const bits = new Uint8Array(size)
    let word = generator.next() | 1
    for (let i = 0; i < size; i += 2) {
      word ^= word << 13
      word ^= word >>> 17
      word ^= word << 5
      bits[i] = (word & 0xffff) < threshold ? 1 : 0
      if (i + 1 < size) bits[i + 1] = word >>> 16 < threshold ? 1 : 0
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
