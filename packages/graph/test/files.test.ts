// What comes from outside: safetensors and ONNX files, whole and damaged.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addInitializer,
  addInput,
  build,
  checkTypes,
  createGraph,
  dataTypes,
  elements,
  externalChunks,
  externalLocations,
  float32,
  float32ToFloat16,
  float16ToFloat32,
  FormatError,
  type Graph,
  GraphError,
  layoutExternal,
  numberToFloat16,
  parseSafetensors,
  readModel,
  serializeSafetensors,
  simplify,
  tensor,
  type Tensor,
  toFloat32,
  toNumbers,
  UnsupportedOperatorError,
  getValue,
  type Value,
  widen,
  writeModel,
} from '../src/index.ts'
import { numberToBfloat16 } from '../src/tensor/float16.ts'
import { of, run } from './run.ts'

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

describe('half precision', () => {
  it('round-trips every finite half', () => {
    const halves = Uint16Array.from({ length: 65536 }, (_, i) => i).filter((half) => ((half >> 10) & 31) !== 31)
    expect(float32ToFloat16(float16ToFloat32(halves))).toEqual(halves)
  })
  it('rounds to nearest, ties to even, and overflows to infinity', () => {
    expect([1 + 2 ** -11, 1 + 3 * 2 ** -11, 65519, 65520, 2 ** -25, 1.5 * 2 ** -24, -0].map(numberToFloat16)).toEqual([
      0x3c00, 0x3c02, 0x7bff, 0x7c00, 0, 2, 0x8000,
    ])
  })
})

function linear(): Graph {
  const graph = createGraph('linear')
  const g = build(graph)
  const x = addInput(graph, 'x', 'float32', ['batch', 4])
  g.node(
    'Gemm',
    [
      x,
      addInitializer(
        graph,
        'w',
        float32(
          [4, 300],
          Array.from({ length: 1200 }, (_, i) => i / 1000),
        ),
      ),
    ],
    { name: 'layer', outputs: ['y'] },
  )
  graph.outputs = ['y']
  graph.metadata = { note: 'kept' }
  return graph
}

describe('ONNX files', () => {
  it('round-trips nodes, weights, symbolic shapes and metadata', async () => {
    const graph = linear()
    const again = readModel(writeModel(graph))
    expect(getValue(again, 'y')).toMatchObject({ dtype: 'float32', shape: ['batch', 300] })
    expect(again.metadata).toEqual({ note: 'kept' })
    const feeds = { x: of('float32', [2, 4], [1, 2, 3, 4, 5, 6, 7, 8]) }
    expect((await run(again, feeds)).get('y')).toEqual((await run(graph, feeds)).get('y'))
  })
  it('reads external data, and refuses paths outside of the folder, missing files and impossible ranges', () => {
    const graph = linear()
    const layout = layoutExternal(graph.initializers, { location: 'weights.bin' })
    const [data] = [...externalChunks(graph.initializers, layout)] as [Uint8Array]
    const bytes = writeModel(graph, layout)
    const externalData = {
      size: () => data.length,
      read: (_: string, offset: number, length: number) => data.subarray(offset, offset + length),
    }
    expect(toFloat32(readModel(bytes, { externalData }).initializers.get('w') as never)).toEqual(
      toFloat32(graph.initializers.get('w') as never),
    )
    expect(() => readModel(bytes)).toThrow(/weights\.bin.*not provided/)
    expect(() => readModel(bytes, { externalData: { ...externalData, size: () => 10 } })).toThrow(/impossible/)
    const escaping = writeModel(graph, new Map([['w', { location: '../secret', offset: 0 }]]))
    expect(() => readModel(escaping, { externalData })).toThrow(/leaves the model's folder/)
    expect(() => externalLocations(escaping)).toThrow(/leaves the model's folder/)
    expect(externalLocations(bytes)).toEqual(['weights.bin'])
  })
  it('refuses cycles, dangling inputs, unknown operators and bytes that are no model', () => {
    const cyclic = linear()
    cyclic.nodes.push(
      { name: 'p', opType: 'Add', domain: '', inputs: ['q', 'y'], outputs: ['r'], attributes: {} },
      { name: 'q', opType: 'Neg', domain: '', inputs: ['r'], outputs: ['q'], attributes: {} },
    )
    expect(() => readModel(writeModel(cyclic))).toThrow(GraphError)
    const dangling = linear()
    dangling.nodes.push({ name: 'p', opType: 'Neg', domain: '', inputs: ['nowhere'], outputs: ['r'], attributes: {} })
    expect(() => readModel(writeModel(dangling))).toThrow(/"nowhere" is made by no node/)
    const unknown = linear()
    unknown.nodes.push({ name: 'strange', opType: 'Einsum', domain: '', inputs: ['y'], outputs: ['r'], attributes: {} })
    expect(() => readModel(writeModel(unknown))).toThrow(UnsupportedOperatorError)
    expect(() => readModel(writeModel(unknown))).toThrow(/"strange".*Einsum/)
    expect(() => readModel(new TextEncoder().encode('<html>not found</html>'))).toThrow(FormatError)
  })
})

describe('tensors in files', () => {
  const fixtures = join(import.meta.dirname, 'fixtures')
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

describe('models of other element types, and unaligned data', () => {
  it('reads a float16 model as float32', async () => {
    const graph = createGraph('half')
    const g = build(graph)
    const x = addInput(graph, 'x', 'float32', [1, 2])
    const w = addInitializer(graph, 'w', tensor('float16', [2, 2], float32ToFloat16(Float32Array.of(1, 2, 3, 4.5))))
    g.node('Cast', [g.MatMul(g.Cast(x, { to: 10 }), w)], { attributes: { to: 1 }, outputs: ['y'] })
    graph.outputs = ['y']
    const wide = readModel(writeModel(graph), { widen: true })
    expect([...wide.values.values()].some(({ dtype }) => dtype === 'float16')).toBe(false)
    expect((await run(wide, { x: of('float32', [1, 2], [1, 0.1]) })).get('y')?.data ?? []).toBeAllclose([1.3, 2.45])
  })

  it('copies elements that are not aligned, also from a Buffer, whose slice does not copy', () => {
    const bytes = Buffer.alloc(19)
    bytes.writeDoubleLE(1.5, 3)
    bytes.writeDoubleLE(-2, 11)
    expect([...elements({ dtype: 'float64', dims: [2], bytes: () => bytes.subarray(3) })]).toEqual([1.5, -2])
  })
})

describe('models in other floating-point types, widened', () => {
  /** x -> Cast -> MatMul with w -> Cast -> y, all in one type, with a mask of its least number. */
  function half(dtype: 'float16' | 'bfloat16' | 'float64'): Graph {
    const graph = createGraph(dtype)
    const g = build(graph)
    const { onnx } = dataTypes[dtype]
    const x = addInput(graph, 'x', 'float32', ['batch', 2])
    const real = addInput(graph, 'real', 'int64', ['batch', 2])
    const values = (numbers: readonly number[]) => tensor(dtype, [numbers.length], arrayOf(dtype, numbers))
    const w = addInitializer(graph, 'w', { ...values([1, 2, 3, 4.5]), dims: [2, 2] })
    const least = g.constant(
      'least',
      values([{ float16: -65504, bfloat16: -3.3895313892515355e38, float64: -Number.MAX_VALUE }[dtype]]),
    )
    const masked = g.Mul(
      g.Sub(g.ConstantOfShape(g.int64([1]), { value: values([1]) }), g.Cast(real, { to: onnx })),
      least,
    )
    g.node('Cast', [g.Softmax(g.Add(g.MatMul(g.Cast(x, { to: onnx }), w), masked))], {
      attributes: { to: 1 },
      outputs: ['y'],
    })
    g.node('Cast', [getValue(graph, 'x')], { attributes: { to: 1 }, outputs: ['same'] })
    graph.outputs = ['y', 'same']
    return graph
  }
  const arrayOf = (dtype: 'float16' | 'bfloat16' | 'float64', numbers: readonly number[]) =>
    dtype === 'float64'
      ? Float64Array.from(numbers)
      : Uint16Array.from(numbers, dtype === 'float16' ? numberToFloat16 : numberToBfloat16)

  it.each(['float16', 'bfloat16', 'float64'] as const)(
    '%s: every value is float32, masks stay finite, and Casts that do nothing are gone',
    async (dtype) => {
      const typed = half(dtype)
      const feeds = { x: of('float32', [2, 2], [1, 0.5, 0.25, -1]), real: of('int64', [2, 2], [1, 1, 1, 0]) }
      const expected = [1 / (1 + Math.exp(1.75)), 1 / (1 + Math.exp(-1.75)), 1, 0]
      for (const wide of [readModel(writeModel(typed), { widen: true }), widen(typed)]) {
        expect([...wide.values.values()].filter(({ dtype }) => dtype !== 'float32' && dtype !== 'int64')).toEqual([])
        expect(wide.nodes.filter(({ opType }) => opType === 'Cast').map(({ inputs }) => inputs[0])).toEqual(['real'])
        expect(wide.outputs).toEqual(['y', 'same'])
        checkTypes(wide)
        const results = await run(wide, feeds)
        expect(results.get('y')?.data ?? []).toBeAllclose(expected, { atol: 1e-6 })
        expect(results.get('same')?.data).toEqual([1, 0.5, 0.25, -1])
      }
      expect(typed.initializers.get('w')?.dtype).toBe(dtype)
      // bfloat16 has no kernels to compare with.
      if (dtype !== 'bfloat16')
        expect((await run(typed, feeds)).get('y')?.data ?? []).toBeAllclose(expected, { atol: 1e-3 })
    },
  )
  it('does not change a float32 model', () => {
    const graph = linear()
    expect(widen(graph)).toBe(graph)
  })
  it('reads a file with mixed types', () => {
    const graph = linear()
    graph.initializers.set('w', tensor('bfloat16', [4, 300], new Uint16Array(1200)))
    expect(() => readModel(writeModel(graph))).toThrow(
      /Gemm "layer": element types of "x" and "w" differ, expected float32, found bfloat16/,
    )
    checkTypes(readModel(writeModel(graph), { widen: true }))
  })
  it('rounds to bfloat16 as PyTorch does', () => {
    // torch.tensor([...]).bfloat16().view(torch.uint16)
    expect([1, 1.00390625, 1.01171875, -2.5, 3.4e38, -0, 1e-40].map(numberToBfloat16)).toEqual([
      0x3f80, 0x3f80, 0x3f82, 0xc020, 0x7f80, 0x8000, 0x0001,
    ])
  })
  it('keeps the names of outputs that are Casts of each other', async () => {
    const graph = createGraph('chain')
    const g = build(graph)
    const x = addInput(graph, 'x', 'float32', [1])
    const [a] = g.node('Cast', [g.Neg(x)], { attributes: { to: 1 }, outputs: ['a'] })
    const [b] = g.node('Cast', [a as Value], { attributes: { to: 1 }, outputs: ['b'] })
    g.node('Neg', [b as Value], { outputs: ['c'] })
    graph.outputs = ['b', 'a', 'c']
    const simple = simplify(graph)
    expect(simple.nodes.map(({ opType }) => opType)).toEqual(['Neg', 'Identity', 'Neg'])
    checkTypes(simple)
    expect(
      Object.fromEntries(
        [...(await run(simple, { x: of('float32', [1], [2]) }))].map(([name, { data }]) => [name, data[0]]),
      ),
    ).toEqual({
      a: -2,
      b: -2,
      c: 2,
    })
  })
})
