import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FormatError, float32, parseSafetensors, serializeSafetensors, tensor, toFloat32 } from '../../src/index.ts'

const file = () =>
  serializeSafetensors(
    new Map([
      ['a', float32([2, 2], [1, 2, 3, 4])],
      ['b', tensor('int64', [1], BigInt64Array.of(7n))],
    ]),
  )

/** A file with this header and data. */
function lying(header: unknown, data: number): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
  const bytes = new Uint8Array(8 + json.length + data)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true)
  bytes.set(json, 8)
  return bytes
}

const entry = (changes: object) => ({ a: { dtype: 'F32', shape: [2], data_offsets: [0, 8], ...changes } })

describe('safetensors', () => {
  it('reads the tensors that were written', () => {
    const { tensors, metadata } = parseSafetensors(file())
    expect(metadata).toEqual({ format: 'pt' })
    expect(toFloat32(tensors.get('a') as never)).toEqual(Float32Array.of(1, 2, 3, 4))
    expect(tensors.get('b')?.dims).toEqual([1])
  })
  it.each([
    ['a truncated length', file().subarray(0, 5), /at least 8 bytes/],
    ['a truncated header', file().subarray(0, 20), /impossible safetensors header length/],
    ['truncated data', file().subarray(0, file().length - 3), /outside the file/],
    ['an oversized header', lying({}, 0).fill(0xff, 0, 8), /impossible safetensors header length/],
    ['a header that is not JSON', lying('<html></html>', 0), /not JSON/],
    ['an unknown dtype', lying(entry({ dtype: 'F7' }), 8), /unknown dtype.*F7/],
    ['a range that is not the shape', lying(entry({ shape: [3] }), 8), /does not match the shape.*12 bytes/],
    ['a range outside the file', lying(entry({ shape: [4], data_offsets: [0, 16] }), 8), /outside the file/],
    ['a negative shape', lying(entry({ shape: [-2] }), 8), /bad shape/],
    ['a hole', lying(entry({ data_offsets: [4, 12] }), 12), /hole/],
    ['an overlap', lying({ ...entry({}), b: { dtype: 'F32', shape: [2], data_offsets: [4, 12] } }, 12), /overlaps/],
    ['bytes left over', lying(entry({}), 12), /after the last tensor/],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => parseSafetensors(bytes, 'weights.safetensors')).toThrow(FormatError)
    expect(() => parseSafetensors(bytes, 'weights.safetensors')).toThrow(message)
    expect(() => parseSafetensors(bytes, 'weights.safetensors')).toThrow(/^weights\.safetensors/)
  })
  it('never throws anything but its own error on random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          parseSafetensors(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError)
        }
      }),
    )
  })
})
