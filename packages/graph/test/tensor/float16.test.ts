import { describe, expect, it } from 'vitest'
import { float16ToFloat32, float32ToFloat16, numberToFloat16 } from '../../src/index.ts'
import { float16ToNumber } from '../../src/tensor/float16.ts'

/** The value of a half, from its definition (IEEE 754). */
function numberOf(half: number): number {
  const [sign, exponent, fraction] = [half >> 15, (half >> 10) & 31, half & 1023]
  if (exponent === 31) return fraction ? Number.NaN : (-1) ** sign * Number.POSITIVE_INFINITY
  return (-1) ** sign * (exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : (fraction / 1024) * 2 ** -14)
}

const all = Uint16Array.from({ length: 65536 }, (_, half) => half)
/** The finite halves from 0 up, and what rounding takes for the next: 2^16 has infinity's bits. */
const ascending = [...Array.from({ length: 0x7c00 }, (_, half) => numberOf(half)), 2 ** 16]

/** The half nearest to a number, by search: of two, the one whose last bit is 0. */
function nearest(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0
  const magnitude = Math.abs(value)
  if (Number.isNaN(value)) return 0x7e00
  if (magnitude >= 2 ** 16) return sign | 0x7c00
  let [low, high] = [0, ascending.length - 1]
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if ((ascending[middle] as number) <= magnitude) low = middle
    else high = middle
  }
  const [below, above] = [magnitude - (ascending[low] as number), (ascending[high] as number) - magnitude]
  return sign | (below < above || (below === above && low % 2 === 0) ? low : high)
}

/** A float32 and its two neighbours. */
function neighbours(value: number): number[] {
  const [word = 0] = new Uint32Array(Float32Array.of(value).buffer)
  return [...new Float32Array(Uint32Array.of(Math.max(0, word - 1), word, word + 1).buffer)]
}

describe('half precision', () => {
  it('round-trips every half, and every NaN as NaN', () => {
    const isNaNHalf = (half: number) => (half & 0x7fff) > 0x7c00
    expect(float32ToFloat16(float16ToFloat32(all))).toEqual(all.map((half) => (isNaNHalf(half) ? 0x7e00 : half)))
  })
  it('widens every half to its value', () => {
    const values = Array.from(all, numberOf)
    expect([...float16ToFloat32(all)]).toEqual(values)
    expect(Array.from(all, float16ToNumber)).toEqual(values)
  })
  it('rounds what lies between any two halves, and beside it, to the nearest, ties to even', () => {
    const between = ascending.slice(1).map((above, i) => (above + (ascending[i] as number)) / 2)
    const values = Float32Array.from([...between, ...ascending].flatMap(neighbours).flatMap((x) => [x, -x]))
    expect(float32ToFloat16(values)).toEqual(Uint16Array.from(values, nearest))
  })
  it('rounds floats of any bits: normal, subnormal, infinite, NaN', () => {
    let state = 1
    const words = Uint32Array.from({ length: 200_000 }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return state
    })
    const values = new Float32Array(words.buffer)
    const halves = float32ToFloat16(values)
    const isNumber = (_: number, i: number) => !Number.isNaN(values[i])
    expect(halves.filter(isNumber)).toEqual(Uint16Array.from(values, nearest).filter(isNumber))
    expect([...halves].filter((half, i) => Number.isNaN(values[i]) && (half & 0x7fff) !== 0x7e00)).toEqual([])
  })
  it('takes a part of an array, and a list of numbers', () => {
    const part = Float32Array.of(9, 1, 2, 9).subarray(1, 3)
    expect([...float32ToFloat16(part)]).toEqual([0x3c00, 0x4000])
    expect([...float32ToFloat16([1, 2] as never)]).toEqual([0x3c00, 0x4000])
  })
  it('rounds to nearest, ties to even, and overflows to infinity', () => {
    expect([1 + 2 ** -11, 1 + 3 * 2 ** -11, 65519, 65520, 2 ** -25, 1.5 * 2 ** -24, -0].map(numberToFloat16)).toEqual([
      0x3c00, 0x3c02, 0x7bff, 0x7c00, 0, 2, 0x8000,
    ])
  })
})
