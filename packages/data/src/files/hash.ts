// SHA-256 and SHA-1 of what arrives in parts: Node's where there is one, which is ten times as fast; a browser's own
// (crypto.subtle) takes whole buffers only.

import { requireKind } from '@cola/graph/door'
import { hasFiles, nodeCrypto } from './node.ts'
import { shaState, type ShaName } from './sha.ts'

export interface Hash {
  update(bytes: Uint8Array): void
  /** The digest in hexadecimal; nothing can be added after it. */
  hex(): string
}

/** Starts a hash. */
export function createHash(name: ShaName): Hash {
  if (!hasFiles()) return shaState(name)
  const hash = nodeCrypto().createHash(name)
  return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest('hex') }
}

/** SHA-256 of concatenated chunks, texts as UTF-8, in hexadecimal. */
export function sha256(chunks: Iterable<string | Uint8Array>): string {
  requireKind('sha256, chunks', chunks, 'iterable')
  const hash = createHash('sha256')
  const encoder = new TextEncoder()
  for (const chunk of chunks) hash.update(typeof chunk === 'string' ? encoder.encode(chunk) : chunk)
  return hash.hex()
}
