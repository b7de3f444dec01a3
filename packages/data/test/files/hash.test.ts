// Against Node's own (OpenSSL) at every length around the ends of blocks, in parts of any size.

import { createHash as nodeHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createHash, sha256 } from '../../src/files/hash.ts'
import { shaState } from '../../src/files/sha.ts'

const bytes = Uint8Array.from({ length: 5000 }, (_, i) => (i * 7919 + (i >> 3)) & 255)

describe.each(['sha256', 'sha1'] as const)('%s', (name) => {
  it('is that of every length', () => {
    for (const length of [...Array(200).keys(), 1000, 4095, 4096, 5000]) {
      const hash = shaState(name)
      hash.update(bytes.subarray(0, length))
      expect(hash.hex(), `${length} bytes`).toBe(nodeHash(name).update(bytes.subarray(0, length)).digest('hex'))
    }
  })

  it('does not depend on the parts', () => {
    for (const part of [1, 3, 63, 64, 65, 1000]) {
      const hash = shaState(name)
      for (let at = 0; at < bytes.length; at += part) hash.update(bytes.subarray(at, at + part))
      expect(hash.hex()).toBe(nodeHash(name).update(bytes).digest('hex'))
    }
  })

  it('is Node’s in Node', () => {
    const hash = createHash(name)
    hash.update(bytes)
    expect(hash.hex()).toBe(nodeHash(name).update(bytes).digest('hex'))
  })
})

it('sha256 hashes texts as UTF-8', () => {
  expect(sha256(['ä', bytes])).toBe(nodeHash('sha256').update('ä').update(bytes).digest('hex'))
})
