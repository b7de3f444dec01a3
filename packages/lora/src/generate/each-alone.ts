// Logits of texts each of which has a cache of its own, where padding would be in the states of the cache.

import type { NextTokenModel } from './generate-tokens.ts'
import type { RankedScores } from './sample.ts'

type Logits = Pick<NextTokenModel, 'logits' | 'joins' | 'end'>

/** Logits of texts, one after another. @param start Logits of a text with an empty cache. */
export function eachAlone(start: () => Logits): Logits {
  const open = new Map<number, Logits>()
  const end = (row: number): void => {
    open.get(row)?.end?.()
    open.delete(row)
  }
  return {
    joins: true,
    async logits(texts, options) {
      for (const row of [...open.keys()]) if (!texts.has(row)) end(row)
      const found = new Map<number, Float32Array | RankedScores>()
      for (const [row, text] of texts) {
        const own = open.get(row) ?? start()
        open.set(row, own)
        for (const [name, scores] of await own.logits(new Map([[row, text]]), options)) found.set(name, scores)
      }
      return found
    },
    end: () => [...open.keys()].forEach(end),
  }
}
