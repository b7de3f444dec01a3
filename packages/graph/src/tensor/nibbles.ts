// 4-bit integers, two per byte, the first in the low half: ONNX's int4 and uint4, and the codes of MatMulNBits.

/** Packs integers; of an odd number, the last byte's high half is 0. */
export function packNibbles(values: ArrayLike<number>): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(values.length / 2))
  for (let i = 0; i < values.length; i++)
    bytes[i >> 1] = (bytes[i >> 1] as number) | (((values[i] as number) & 15) << (4 * (i & 1)))
  return bytes
}

/** The first `count` integers, from 0 to 15, or from -8 to 7 if they are signed. */
export function unpackNibbles(bytes: Uint8Array, count: number, signed = false): Uint8Array | Int8Array {
  const values = signed ? new Int8Array(count) : new Uint8Array(count)
  for (let i = 0; i < count; i++) {
    const value = ((bytes[i >> 1] as number) >> (4 * (i & 1))) & 15
    values[i] = signed && value > 7 ? value - 16 : value
  }
  return values
}
