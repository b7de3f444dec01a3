import { describe, expect, it } from 'vitest'
import {
  addInitializer,
  addInput,
  build,
  type Builder,
  byteLength,
  createGraph,
  elementCount,
  externalChunks,
  float32,
  type Graph,
  layoutExternal,
  type PackedMatrix,
  packedTensor,
  packMatrices,
  readModel,
  type Tensor,
  type Value,
  writeModel,
} from '../../src/index.ts'
import { withoutKernel } from '../../../../tools/kernels.ts'
import { packNibbles } from '../../src/tensor/nibbles.ts'
import { quantizeMatrix } from '../../src/tensor/quantize-matrix.ts'
import { count, values } from '../support/rewrites.ts'
import { of, run } from '../support/run.ts'

const [N, K] = [24, 40]

interface Reader {
  /** Shape of x. */
  shape: number[]
  apply: (g: Builder, x: Value, w: Value) => Value
}

/** Each way to read W [N, K], and W [K, N]. */
const readers: Record<'rows' | 'transposed', Record<string, Reader>> = {
  rows: {
    "x W' + b": { shape: [3, K], apply: (g, x, w) => g.Gemm(x, w, bias(g), { transB: 1 }) },
    "x W' behind a Transpose": { shape: [2, 3, K], apply: (g, x, w) => g.MatMul(x, g.Transpose(w, { perm: [1, 0] })) },
    'x W': { shape: [3, N], apply: (g, x, w) => g.Gemm(x, w) },
    'x W of three axes': { shape: [2, 3, N], apply: (g, x, w) => g.MatMul(x, w) },
    "2 x W'": { shape: [3, K], apply: (g, x, w) => g.Gemm(x, w, { transB: 1, alpha: 2 }) },
    lookup: { shape: [K], apply: (g, x, w) => g.Mul(g.Gather(w, ids(g)), x) },
    'lookup of columns': { shape: [1], apply: (g, x, w) => g.Mul(g.Gather(w, ids(g), { axis: 1 }), x) },
    sum: { shape: [N, K], apply: (g, x, w) => g.Add(x, w) },
  },
  transposed: {
    'x W + b': { shape: [3, K], apply: (g, x, w) => g.Gemm(x, w, bias(g)) },
    'x W of three axes': { shape: [2, 3, K], apply: (g, x, w) => g.MatMul(x, w) },
    "x W'": { shape: [3, N], apply: (g, x, w) => g.Gemm(x, w, { transB: 1 }) },
    lookup: { shape: [N], apply: (g, x, w) => g.Mul(g.Gather(w, ids(g)), x) },
    sum: { shape: [K, N], apply: (g, x, w) => g.Add(x, w) },
  },
}
const bias = (g: Builder): Value => g.constant('b', float32([N], values(N, 5)))
const ids = (g: Builder): Value => g.constant('ids', of('int32', [2, 2], [3, 0, 7, 3]))

/** A matrix of random codes, with zero points or without; its last block is padded where 16 does not divide K. */
function matrix(bits: 4 | 8, transposed: boolean, zeros: boolean): Tensor {
  const blocks = Math.ceil(K / 16)
  const integers = (size: number, salt: number): Uint8Array =>
    Uint8Array.from(values(size, salt), (x) => Math.floor(((x + 1) / 2) * (2 ** bits - 1)))
  const codes = integers(N * blocks * 16, 1)
  return packedTensor({
    bits,
    blockSize: 16,
    N,
    K,
    codes: of('uint8', [N, blocks, 2 * bits], [...(bits === 4 ? packNibbles(codes) : codes)]),
    scales: float32([N, blocks], values(N * blocks, 2)),
    zeroPoints: zeros ? of('uint8', [N, blocks], [...integers(N * blocks, 3)]) : undefined,
    transposed,
  })
}

function graphOf({ shape, apply }: Reader, w: Tensor): Graph {
  const graph = createGraph('reader')
  const g = build(graph)
  graph.outputs = [apply(g, addInput(graph, 'x', 'float32', shape), addInitializer(graph, 'w', w)).name]
  return graph
}

describe('packed matrices', () => {
  for (const [layout, forms] of Object.entries(readers))
    it.each(Object.entries(forms))(
      `${layout}, %s: the numbers of the dequantized matrix, from the codes`,
      async (_, reader) => {
        for (const bits of [4, 8] as const)
          for (const zeros of [false, true]) {
            const graph = graphOf(reader, matrix(bits, layout === 'transposed', zeros))
            const packed = packMatrices(graph)
            const feeds = { x: of('float32', reader.shape, values(elementCount(reader.shape), 4)) }
            const [expected, actual] = [await run(graph, feeds), await run(packed, feeds)]
            const [output] = graph.outputs as [string]
            expect(actual.get(output)?.dims).toEqual(expected.get(output)?.dims)
            expect(actual.get(output)?.data ?? []).toBeAllclose(expected.get(output)?.data ?? [Number.NaN], {
              atol: 1e-3,
            })
            const floats = [...packed.initializers.values()].filter(({ dtype }) => dtype === 'float32')
            expect(Math.max(...floats.map(byteLength))).toBeLessThan(N * K)
            expect(withoutKernel(packed, 'webgpu')).toEqual([])
          }
      },
    )

  it('with a gradient, each reader has a DequantizeLinear of its own, which the runtime keeps apart', () => {
    const graph = createGraph('both')
    const g = build(graph)
    const w = addInitializer(graph, 'w', matrix(4, false, false))
    const y = g.Gemm(addInput(graph, 'x', 'float32', ['rows', K]), w, { transB: 1 })
    graph.outputs = [y.name]
    expect(count(packMatrices(graph), 'MatMulNBits')).toBe(1)
    graph.outputs = [g.Gemm(y, w).name, g.Gemm(g.Tanh(y), w).name]
    const packed = packMatrices(graph)
    expect(count(packed, 'MatMulNBits')).toBe(0)
    const dequantized = packed.nodes.filter(({ opType }) => opType === 'DequantizeLinear')
    expect(new Set(dequantized.map(({ inputs }) => inputs.join())).size).toBe(3)
    expect([...packed.initializers.keys()].filter((name) => name.endsWith('uint4'))).toHaveLength(1)
  })

  it.each([
    [4, 16, false],
    [4, 16, true],
    [8, 32, true],
    [8, 16, false],
  ] as const)(
    'files look rows up by one operator: %i bits, blocks of %i, zero points %s',
    async (bits, blockSize, zeros) => {
      const [rows, width, blocks] = [N, 64, 64 / blockSize]
      const integers = (size: number, salt: number) =>
        Uint8Array.from(values(size, salt), (x) => Math.floor(((x + 1) / 2) * (2 ** bits - 1)))
      const codes = integers(rows * width, 1)
      const table = packedTensor({
        bits,
        blockSize,
        N: rows,
        K: width,
        codes: of('uint8', [rows, blocks, (blockSize * bits) / 8], [...(bits === 4 ? packNibbles(codes) : codes)]),
        scales: float32([rows, blocks], values(rows * blocks, 2)),
        zeroPoints: zeros ? of('uint8', [rows, blocks], [...integers(rows * blocks, 3)]) : undefined,
        transposed: false,
      })
      const graph = graphOf({ shape: [1, width], apply: (g, x, w) => g.Add(g.Gather(w, ids(g)), x) }, table)
      const packed = packMatrices(graph, { gathers: true })
      expect(count(packed, 'GatherBlockQuantized')).toBe(1)
      const feeds = { x: of('float32', [1, width], values(width, 4)) }
      const [output] = graph.outputs as [string]
      const [expected, actual] = [await run(graph, feeds), await run(packed, feeds)]
      expect(actual.get(output)).toEqual(expected.get(output))
      const read = readModel(writeModel(packed))
      expect(read.nodes.map(({ opType }) => opType)).toEqual(['Gather', 'Add'])
      expect(read.initializers.get('w')?.packed).toMatchObject({ bits, blockSize })
    },
  )

  it('files keep the accuracy level of their matrices, which nothing else has', () => {
    const level = { ...matrix(4, false, false).packed, accuracyLevel: 4 } as PackedMatrix
    const graph = graphOf({ shape: [1, K], apply: (g, x, w) => g.Gemm(x, w, { transB: 1 }) }, packedTensor(level))
    const levels = (packed: Graph) =>
      packed.nodes.flatMap(({ opType, attributes }) => (opType === 'MatMulNBits' ? [attributes.accuracy_level] : []))
    expect(levels(packMatrices(graph))).toEqual([undefined])
    expect(levels(packMatrices(graph, { accuracyLevel: 1 }))).toEqual([1])
    const file = packMatrices(graph, { accuracyLevel: 'file' })
    expect(levels(file)).toEqual([4])
    expect(readModel(writeModel(file)).initializers.get('w')?.packed?.accuracyLevel).toBe(4)
  })

  it('codes that are read in several ways are in a file once', () => {
    const graph = graphOf(
      { shape: [1, K], apply: (g, x, w) => g.Mul(g.Gather(w, ids(g)), g.MatMul(x, g.Gemm(w, w, { transA: 1 }))) },
      matrix(8, false, false),
    )
    const { initializers } = packMatrices(graph)
    const layout = layoutExternal(initializers, { location: 'weights', threshold: 1, alignment: 1 })
    const size = [...externalChunks(initializers, layout)].reduce((sum, chunk) => sum + chunk.length, 0)
    const places = [...layout].filter(([name]) => name.endsWith('int8')).map(([, { offset }]) => offset)
    expect(places).toHaveLength(2)
    expect(new Set(places).size).toBe(1)
    const once = new Map([...initializers.values()].map((data) => [data.bytes, byteLength(data)]))
    expect(size).toBe([...once.values()].reduce((a, b) => a + b, 0))
    expect(size).toBeLessThan([...initializers.values()].reduce((sum, data) => sum + byteLength(data), 0))
    expect(() => writeModel({ ...packMatrices(graph) }, layout)).not.toThrow()
  })

  it('a matrix with an element that is not finite is named when it is quantized', () => {
    const broken = Float32Array.from(values(N * K, 1))
    broken[N * K - 3] = Number.NaN
    const quantized = quantizeMatrix(float32([N, K], broken), { bits: 4, blockSize: 16, transposed: false, where: 'w' })
    expect(() => quantized.bytes()).toThrow(/matrix "w": it has elements that are not finite/)
  })
})
