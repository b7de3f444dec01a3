// SHA-256 (FIPS 180-4), synchronous and in parts: Node's, and in a browser, whose own is neither, this one.

type Hash = { update(bytes: string | Uint8Array): unknown; digest(encoding: 'hex'): string }

interface WithBuiltins {
  process?: { getBuiltinModule?: (name: string) => { createHash?: (name: string) => Hash } | undefined }
}

/** SHA-256 of concatenated chunks, in hexadecimal; texts as UTF-8. */
export function sha256(chunks: Iterable<string | Uint8Array>): string {
  const { createHash } = (globalThis as WithBuiltins).process?.getBuiltinModule?.('node:crypto') ?? {}
  return createHash ? digestOf(createHash('sha256'), chunks) : digestOf(portableSha256(), chunks)
}

function digestOf(hash: Hash, chunks: Iterable<string | Uint8Array>): string {
  for (const chunk of chunks) hash.update(chunk)
  return hash.digest('hex')
}

const primes = Array.from({ length: 312 }, (_, n) => n).filter(
  (n) => n > 1 && !Array.from({ length: n }, (_, i) => i).some((i) => i > 1 && i * i <= n && n % i === 0),
)

/** The first 32 bits of the fraction of a root. */
const fraction = (root: number): number => ((root - Math.floor(root)) * 2 ** 32) | 0

const constants = Int32Array.from(primes.slice(0, 64), (prime) => fraction(Math.cbrt(prime)))
const initial = Int32Array.from(primes.slice(0, 8), (prime) => fraction(Math.sqrt(prime)))

/** The hash as a browser computes it. */
export function portableSha256(): Hash {
  const state = initial.slice()
  const block = new Uint8Array(64)
  let length = 0
  const update = (chunk: string | Uint8Array) => {
    const bytes = typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk
    let at = 0
    while (at < bytes.length) {
      const used = length % 64
      const part = Math.min(64 - used, bytes.length - at)
      if (part === 64) compress(state, bytes, at)
      else {
        block.set(bytes.subarray(at, at + part), used)
        if (used + part === 64) compress(state, block, 0)
      }
      at += part
      length += part
    }
  }
  return {
    update,
    digest: () => {
      const bits = length * 8
      const padding = new Uint8Array(((119 - (length % 64)) % 64) + 9)
      padding[0] = 0x80
      const view = new DataView(padding.buffer)
      view.setUint32(padding.length - 8, Math.floor(bits / 2 ** 32))
      view.setUint32(padding.length - 4, bits >>> 0)
      update(padding)
      return Array.from(state, (word) => (word >>> 0).toString(16).padStart(8, '0')).join('')
    },
  }
}

const schedule = new Int32Array(64)
const rotate = (x: number, by: number): number => (x >>> by) | (x << (32 - by))

/** Adds the block of 64 bytes at `at` to the state. */
function compress(state: Int32Array, bytes: Uint8Array, at: number): void {
  const w = schedule
  for (let t = 0; t < 16; t++) {
    const i = at + 4 * t
    w[t] =
      ((bytes[i] as number) << 24) |
      ((bytes[i + 1] as number) << 16) |
      ((bytes[i + 2] as number) << 8) |
      (bytes[i + 3] as number)
  }
  for (let t = 16; t < 64; t++) {
    const [x, y] = [w[t - 15] as number, w[t - 2] as number]
    const s0 = rotate(x, 7) ^ rotate(x, 18) ^ (x >>> 3)
    const s1 = rotate(y, 17) ^ rotate(y, 19) ^ (y >>> 10)
    w[t] = ((w[t - 16] as number) + s0 + (w[t - 7] as number) + s1) | 0
  }
  let [a, b, c, d, e, f, g, h] = state as unknown as [number, number, number, number, number, number, number, number]
  for (let t = 0; t < 64; t++) {
    const sum1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
    const choice = (e & f) ^ (~e & g)
    const first = (h + sum1 + choice + (constants[t] as number) + (w[t] as number)) | 0
    const sum0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
    const second = (sum0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
    h = g
    g = f
    f = e
    e = (d + first) | 0
    d = c
    c = b
    b = a
    a = (first + second) | 0
  }
  state.set([a, b, c, d, e, f, g, h].map((word, i) => ((state[i] as number) + word) | 0))
}
