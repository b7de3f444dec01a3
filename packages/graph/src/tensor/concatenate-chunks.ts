// Joins the chunks of a file that stays in memory.

import { requireKind } from '../door.ts'

/** The bytes of all chunks, one after another. */
export function concatenateChunks(chunks: Iterable<Uint8Array>): Uint8Array {
  requireKind('concatenateChunks, chunks', chunks, 'iterable')
  const list = [...chunks]
  const bytes = new Uint8Array(list.reduce((size, chunk) => size + chunk.length, 0))
  let at = 0
  for (const chunk of list) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}
