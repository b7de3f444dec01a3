import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { FormatError, readModel, toFloat32, toNumbers, type Tensor, writeModel } from '../../src/index.ts'
import { linear } from '../support/linear.ts'

describe('tensors in files', () => {
  const fixtures = join(import.meta.dirname, '../fixtures')
  const { initializers } = readModel(readFileSync(join(fixtures, 'tensors.onnx')))
  const expected = JSON.parse(readFileSync(join(fixtures, 'tensors.json'), 'utf8')) as Record<string, string[]>
  it.each(Object.keys(expected))('%s holds what the onnx package reads (make-tensors.py)', (name) => {
    const data = initializers.get(name) as Tensor
    const wanted = (expected[name] as string[]).map((text) => Number(text.replace('inf', 'Infinity')))
    expect(data.dims).toEqual(name.startsWith('empty') ? [0, 3] : name.startsWith('scalar') ? [] : [2, 2])
    if (data.dtype === 'float16' || data.dtype === 'bfloat16') expect([...toFloat32(data)]).toEqual(wanted)
    else expect(toNumbers(data)).toEqual(wanted)
  })
  it('reads repeated fields packed and unpacked', () => {
    const field = (number: number, type: number, ...bytes: number[]) => [(number << 3) | type, ...bytes]
    const list = (number: number, ...bytes: number[]) => field(number, 2, bytes.length, ...bytes)
    const one = [0, 0, 0x80, 0x3f]
    const name = (text: string) => list(8, ...new TextEncoder().encode(text))
    // dims [2] packed, float_data one by one; dims one by one, int64_data (-1, 2) one by one: a negative varint has ten
    // bytes.
    const minusOne = [...new Array<number>(9).fill(0xff), 1]
    const floats = [...list(1, 2), ...field(2, 0, 1), ...field(4, 5, ...one), ...field(4, 5, ...one), ...name('f')]
    const ints = [...field(1, 0, 2), ...field(2, 0, 7), ...field(7, 0, ...minusOne), ...field(7, 0, 2), ...name('i')]
    const graph = [...list(5, ...floats), ...list(5, ...ints)]
    const read = readModel(Uint8Array.from([...field(1, 0, 9), ...list(8, ...field(2, 0, 20)), ...list(7, ...graph)]))
    expect(toNumbers(read.initializers.get('f') as Tensor)).toEqual([1, 1])
    expect(toNumbers(read.initializers.get('i') as Tensor)).toEqual([-1, 2])
  })
  it('names the tensor with too few numbers', () => {
    const graph = linear()
    const bytes = writeModel({
      ...graph,
      initializers: new Map([['w', { dtype: 'float32', dims: [4, 300], bytes: () => new Uint8Array(0) }]]),
    })
    expect(() => readModel(bytes, { where: 'model.onnx' })).toThrow(
      /^model\.onnx, tensor "w": wrong number of elements, expected 1200, found 0/,
    )
    expect(() => readModel(bytes)).toThrow(FormatError)
  })
})
