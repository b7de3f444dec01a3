// Conversions between float32 and the bits of IEEE half and bfloat16. Node 20 has no Float16Array.

import { requireKind } from '../door.ts'

const bits = new Uint32Array(1)
const float = new Float32Array(bits.buffer)

/** Value of one IEEE 754 half from its 16 bits. */
export function float16ToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1
  const exponent = (half >> 10) & 31
  const fraction = half & 1023
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** The 16 bits of the half nearest to `value`, ties to even; overflow gives infinity. */
export function numberToFloat16(value: number): number {
  float[0] = value
  const word = bits[0] as number
  const sign = (word >>> 16) & 0x8000
  const magnitude = word & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00
  if (magnitude >= 0x47800000) return sign | 0x7c00
  if (magnitude < 0x38800000) {
    const scaled = Math.abs(float[0] as number) * 2 ** 24
    const low = Math.floor(scaled)
    const rest = scaled - low
    return sign | (low + (rest > 0.5 || (rest === 0.5 && low & 1) ? 1 : 0))
  }
  const rounded = magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)
  return sign | (rounded >>> 13)
}

/** Widens IEEE halves to float32. */
export function float16ToFloat32(halves: Uint16Array): Float32Array {
  requireKind('float16ToFloat32, halves', halves, 'list')
  const values = new Float32Array(halves.length)
  const words = new Uint32Array(values.buffer)
  for (let i = 0; i < halves.length; i++) {
    const half = halves[i] as number
    const exponent = half & 0x7c00
    // A normal number has the same fraction, and an exponent with another bias: 127 for 15.
    if (exponent === 0 || exponent === 0x7c00) values[i] = float16ToNumber(half)
    else words[i] = ((half & 0x8000) << 16) | (((half & 0x7fff) + 0x1c000) << 13)
  }
  return values
}

/** Rounds float32 to IEEE halves. */
export function float32ToFloat16(values: Float32Array): Uint16Array {
  requireKind('float32ToFloat16, values', values, 'list')
  const halves = new Uint16Array(values.length)
  for (let i = 0; i < values.length; i++) halves[i] = numberToFloat16(values[i] as number)
  return halves
}

/** The 16 bits of the bfloat16 nearest to `value`, ties to even; overflow gives infinity. */
export function numberToBfloat16(value: number): number {
  float[0] = value
  const word = bits[0] as number
  if (Number.isNaN(value)) return 0x7fc0
  return ((word + 0x7fff + ((word >>> 16) & 1)) >>> 16) & 0xffff
}

/** Widens bfloat16 (the upper half of a float32) to float32; exact. */
export function bfloat16ToFloat32(halves: Uint16Array): Float32Array {
  const words = new Uint32Array(halves.length)
  for (let i = 0; i < halves.length; i++) words[i] = (halves[i] as number) << 16
  return new Float32Array(words.buffer)
}
