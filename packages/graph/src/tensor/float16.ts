// Conversions between float32 and the bits of IEEE half and bfloat16. Node 20 has no Float16Array.

import { requireKind } from '../door.ts'

const bits = new Uint32Array(1)
const float = new Float32Array(bits.buffer)

/** The value of the last bit of a half by its exponent: a power computed for each number takes fifty times as long. */
const steps = Float64Array.from({ length: 31 }, (_, exponent) => 2 ** (exponent - 25))

/** Value of one IEEE 754 half from its 16 bits. */
export function float16ToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1
  const exponent = (half >> 10) & 31
  const fraction = half & 1023
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return sign * (1024 + fraction) * (steps[exponent] as number)
}

/** The 16 bits of the half nearest to `value`, ties to even; overflow gives infinity. */
export function numberToFloat16(value: number): number {
  float[0] = value
  return roundToHalf(bits[0] as number)
}

/** The bits of a float32's magnitude from which on the nearest half is infinity: 65520, between 65504 and 65536. */
const overflow = 0x477ff000

/** The half that is nearest to the float32 with these bits. */
function roundToHalf(word: number): number {
  const sign = (word >>> 16) & 0x8000
  const magnitude = word & 0x7fffffff
  if (magnitude >= overflow) return sign | (magnitude > 0x7f800000 ? 0x7e00 : 0x7c00)
  if (magnitude >= 0x38800000) return sign | dropBits(magnitude - 0x38000000, 13)
  // A subnormal half is a multiple of 2^-24; its bits are the factor.
  const shift = 126 - (magnitude >>> 23)
  return shift > 24 ? sign : sign | dropBits((magnitude & 0x7fffff) | 0x800000, shift)
}

/** An integer without its last `count` bits, rounded to nearest, ties to even. */
const dropBits = (integer: number, count: number): number =>
  (integer + (1 << (count - 1)) - 1 + ((integer >>> count) & 1)) >>> count

/** The bits of float32 numbers, in their memory. */
const wordsOf = ({ buffer, byteOffset, length }: Float32Array): Uint32Array =>
  new Uint32Array(buffer, byteOffset, length)

/** Whether the nearest halves of all finite numbers are finite. */
export function fitsHalves(values: Float32Array): boolean {
  const words = wordsOf(values)
  for (let i = 0; i < words.length; i++) {
    const magnitude = (words[i] as number) & 0x7fffffff
    if (magnitude >= overflow && magnitude < 0x7f800000) return false
  }
  return true
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
  const words = wordsOf(values instanceof Float32Array ? values : Float32Array.from(values))
  const halves = new Uint16Array(words.length)
  for (let i = 0; i < words.length; i++) halves[i] = roundToHalf(words[i] as number)
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
