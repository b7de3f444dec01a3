// The hash that a browser computes, held against Node's.

import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { portableSha256, sha256 } from '../../src/files/sha256.ts'

const expected = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const bytesOf = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 167 + 13) % 256)

describe('sha256', () => {
  it('gives the digests of FIPS 180-4', () => {
    const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
    expect(sha256(['a', new TextEncoder().encode('bc')])).toBe(abc)
    const hash = portableSha256()
    hash.update('abc')
    expect(hash.digest('hex')).toBe(abc)
  })

  it.each([0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 128, 1000, 70_001])('agrees with Node for %i bytes', (length) => {
    const bytes = bytesOf(length)
    for (const size of [7, 64, 100, 1 << 20]) {
      const hash = portableSha256()
      for (let at = 0; at < length; at += size) hash.update(bytes.subarray(at, at + size))
      expect(hash.digest('hex')).toBe(expected(bytes))
    }
  })

  it('takes texts as UTF-8', () => {
    const hash = portableSha256()
    hash.update('naïve 日本語')
    expect(hash.digest('hex')).toBe(expected(new TextEncoder().encode('naïve 日本語')))
  })
})
