// SHA-256 and SHA-1 (FIPS 180-4), incremental.

export type ShaName = 'sha256' | 'sha1'

/** Mixes a block of 64 bytes into the state. */
type Compress = (state: Uint32Array, block: DataView, at: number) => void

const rotate = (x: number, bits: number): number => (x >>> bits) | (x << (32 - bits))

/** The first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
const roundConstants = Uint32Array.from(primes(64), (prime) => fraction(Math.cbrt(prime)))

function primes(count: number): number[] {
  const found: number[] = []
  for (let n = 2; found.length < count; n++) if (found.every((prime) => n % prime !== 0)) found.push(n)
  return found
}

function fraction(x: number): number {
  return Math.floor((x - Math.floor(x)) * 2 ** 32)
}

const words = new Uint32Array(80)

const compress256: Compress = (state, block, at) => {
  for (let i = 0; i < 16; i++) words[i] = block.getUint32(at + 4 * i)
  for (let i = 16; i < 64; i++) {
    const [x, y] = [words[i - 15] as number, words[i - 2] as number]
    const s0 = rotate(x, 7) ^ rotate(x, 18) ^ (x >>> 3)
    const s1 = rotate(y, 17) ^ rotate(y, 19) ^ (y >>> 10)
    words[i] = (words[i - 16] as number) + s0 + (words[i - 7] as number) + s1
  }
  let [a, b, c, d, e, f, g, h] = state as unknown as [number, number, number, number, number, number, number, number]
  for (let i = 0; i < 64; i++) {
    const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + (roundConstants[i] as number) + (words[i] as number)) | 0
    const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
    h = g
    g = f
    f = e
    e = (d + t1) | 0
    d = c
    c = b
    b = a
    a = (t1 + t2) | 0
  }
  for (const [i, value] of [a, b, c, d, e, f, g, h].entries()) state[i] = (state[i] as number) + value
}

/** Rounds of SHA-1 in quarters: the function of three words, and the constant. */
const quarters = [
  { mix: (b: number, c: number, d: number) => (b & c) ^ (~b & d), constant: 0x5a827999 },
  { mix: (b: number, c: number, d: number) => b ^ c ^ d, constant: 0x6ed9eba1 },
  { mix: (b: number, c: number, d: number) => (b & c) ^ (b & d) ^ (c & d), constant: 0x8f1bbcdc },
  { mix: (b: number, c: number, d: number) => b ^ c ^ d, constant: 0xca62c1d6 },
] as const

const compress1: Compress = (state, block, at) => {
  for (let i = 0; i < 16; i++) words[i] = block.getUint32(at + 4 * i)
  for (let i = 16; i < 80; i++) {
    const [w3, w8, w14, w16] = [3, 8, 14, 16].map((back) => words[i - back] as number) as [
      number,
      number,
      number,
      number,
    ]
    words[i] = rotate(w3 ^ w8 ^ w14 ^ w16, 31)
  }
  let [a, b, c, d, e] = state as unknown as [number, number, number, number, number]
  quarters.forEach(({ mix, constant }, quarter) => {
    for (let i = 20 * quarter; i < 20 * quarter + 20; i++) {
      const next = (rotate(a, 27) + mix(b, c, d) + e + constant + (words[i] as number)) | 0
      e = d
      d = c
      c = rotate(b, 2)
      b = a
      a = next
    }
  })
  for (const [i, value] of [a, b, c, d, e].entries()) state[i] = (state[i] as number) + value
}

/** For each hash, its first state and its compression. */
const hashes: Readonly<Record<ShaName, { start: readonly number[]; compress: Compress }>> = {
  // The fractional parts of the square roots of the first 8 primes.
  sha256: { start: primes(8).map((prime) => fraction(Math.sqrt(prime))), compress: compress256 },
  sha1: { start: [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0], compress: compress1 },
}

/** A hash to which bytes are added. */
export function shaState(name: ShaName): { update(bytes: Uint8Array): void; hex(): string } {
  const { start, compress } = hashes[name]
  const state = Uint32Array.from(start)
  const block = new Uint8Array(64)
  const view = new DataView(block.buffer)
  let length = 0
  const update = (bytes: Uint8Array) => {
    let at = 0
    const filled = length % 64
    length += bytes.length
    if (filled > 0) {
      at = Math.min(bytes.length, 64 - filled)
      block.set(bytes.subarray(0, at), filled)
      if (filled + at < 64) return
      compress(state, view, 0)
    }
    const rest = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (; at + 64 <= bytes.length; at += 64) compress(state, rest, at)
    block.set(bytes.subarray(at))
  }
  return {
    update,
    hex: () => {
      // A one bit, zeros up to 8 bytes before the end of a block, and the length in bits.
      const end = new Uint8Array(((length + 8 + 64) & ~63) - length)
      end[0] = 0x80
      new DataView(end.buffer).setBigUint64(end.length - 8, BigInt(length) * 8n)
      update(end)
      return Array.from(state, (word) => word.toString(16).padStart(8, '0')).join('')
    },
  }
}
