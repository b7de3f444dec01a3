import { describe, expect, it } from 'vitest'
import { float16ToFloat32, float32ToFloat16, numberToFloat16 } from '../../src/index.ts'

describe('half precision', () => {
  it('round-trips every finite half', () => {
    const halves = Uint16Array.from({ length: 65536 }, (_, i) => i).filter((half) => ((half >> 10) & 31) !== 31)
    expect(float32ToFloat16(float16ToFloat32(halves))).toEqual(halves)
  })
  it('widens normal and subnormal numbers, zeros, infinities and NaN', () => {
    const halves = Uint16Array.of(
      0x3c00,
      0xc000,
      0x3555,
      0x0400,
      0x03ff,
      0x8001,
      0x8000,
      0x7bff,
      0x7c00,
      0xfc00,
      0x7e00,
    )
    expect([...float16ToFloat32(halves)]).toEqual([
      ...[1, -2, 0.333251953125, 2 ** -14, 1023 * 2 ** -24, -(2 ** -24), -0, 65504],
      ...[Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN],
    ])
  })
  it('rounds to nearest, ties to even, and overflows to infinity', () => {
    expect([1 + 2 ** -11, 1 + 3 * 2 ** -11, 65519, 65520, 2 ** -25, 1.5 * 2 ** -24, -0].map(numberToFloat16)).toEqual([
      0x3c00, 0x3c02, 0x7bff, 0x7c00, 0, 2, 0x8000,
    ])
  })
})
