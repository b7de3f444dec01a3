import { describe, expect, it } from 'vitest'
import {
  addInitializer,
  addInput,
  build,
  checkTypes,
  createGraph,
  differentiate,
  elements,
  float32,
  packMatrices,
  readModel,
  storeWeights,
  toFloat32,
  type Graph,
  type Tensor,
  type Value,
  type WeightType,
  writeModel,
} from '../../src/index.ts'
import { count, denseLayer, type LayerOptions, values } from '../support/rewrites.ts'
import { of, run } from '../support/run.ts'

describe('matrices in fewer bits', () => {
  const size = 64
  const feeds = { x: of('float32', [3, size], values(3 * size, 1)), ids: of('int64', [3], [1, 5, 63]) }
  /** One matrix, looked up if asked for, and multiplied with both ways round. */
  function shared(lookedUp: boolean): Graph {
    const graph = createGraph('shared')
    const g = build(graph)
    const x = addInput(graph, 'x', 'float32', ['rows', size])
    const ids = addInput(graph, 'ids', 'int64', ['rows'])
    const w = addInitializer(graph, 'w', float32([size, size], values(size * size, 2)))
    const hidden = lookedUp ? g.Add(x, g.Gather(w, ids)) : x
    const there = g.Gemm(hidden, w, { transB: 1 })
    g.node('Gemm', [g.Tanh(there), w], { outputs: ['y'] })
    graph.outputs = ['y']
    return graph
  }
  const largest = (values: readonly number[]): number => Math.max(...values.map(Math.abs))

  it.each([
    ['float16', false, 2e-3],
    ['int8', false, 2e-2],
    ['int4', false, 0.2],
    ['float16', true, 2e-3],
    ['int8', true, 2e-2],
    ['int4', true, 2e-2],
  ] as [WeightType, boolean, number][])(
    '%s: one that is read both ways round (looked up too: %s) is itself in both',
    async (type, lookedUp, tolerance) => {
      const graph = shared(lookedUp)
      const stored = storeWeights(graph, type)
      checkTypes(stored)
      const [expected, actual] = (await Promise.all([graph, stored].map((one) => run(one, feeds)))).map(
        (results) => results.get('y')?.data ?? [],
      )
      const differences = (expected as number[]).map((value, i) => value - ((actual as number[])[i] as number))
      expect(largest(differences) / largest(expected as number[])).toBeLessThan(tolerance)
      expect(stored.initializers.has('w')).toBe(false)
    },
  )

  it.each(['float16', 'int8', 'int4'] as const)('%s: a mask without a code stays in float32', async (type) => {
    for (const least of [Number.NEGATIVE_INFINITY, -3.4028234663852886e38]) {
      const graph = createGraph('masked')
      const x = addInput(graph, 'x', 'float32', [size, size])
      const mask = Float32Array.from({ length: size * size }, (_, i) => (i % size > Math.floor(i / size) ? least : 0))
      build(graph).node('Softmax', [build(graph).Add(x, addInitializer(graph, 'mask', float32([size, size], mask)))], {
        outputs: ['y'],
      })
      graph.outputs = ['y']
      const given = { x: of('float32', [size, size], values(size * size, 3)) }
      const stored = storeWeights(graph, type)
      checkTypes(stored)
      expect((await run(stored, given)).get('y')?.data ?? []).toBeAllclose(
        (await run(graph, given)).get('y')?.data ?? [],
        { atol: 1e-6 },
      )
    }
  })

  it('float16: infinity stays infinity; a matrix with a number that would overflow stays in float32', () => {
    const infinite = new Float32Array(4096).fill(Number.NEGATIVE_INFINITY)
    const large = new Float32Array(4096).fill(65520)
    const graph = createGraph('both')
    const g = build(graph)
    const x = addInput(graph, 'x', 'float32', [64, 64])
    g.node(
      'Add',
      [
        g.Add(x, addInitializer(graph, 'infinite', float32([64, 64], infinite))),
        addInitializer(graph, 'large', float32([64, 64], large)),
      ],
      {
        outputs: ['y'],
      },
    )
    graph.outputs = ['y']
    const { initializers } = storeWeights(graph, 'float16')
    expect([...initializers.keys()]).toEqual(['large', 'infinite.float16'])
    expect(toFloat32(initializers.get('infinite.float16') as never)[0]).toBe(Number.NEGATIVE_INFINITY)
  })
})

describe('storeWeights in int4', () => {
  const [K, N] = [70, 64] as const
  const weights = Float32Array.from(values(K * N, 1))
  const layer = (options: LayerOptions = {}) => {
    const feeds = { x: of('float32', options.matmul ? [2, 3, K] : [6, K], values(6 * K, 2)) }
    return { graph: denseLayer([K, N], weights, options), feeds }
  }
  const blocks = Math.ceil(K / 32)
  const blockOf = (i: number): number => (i % N) * blocks + Math.floor(Math.floor(i / N) / 32)
  const half = (bytes: Uint8Array, at: number): number => ((bytes[at >> 1] as number) >> (4 * (at & 1))) & 15
  /**
   * What the file says: (code - zero point) scale; codes and zero points two to a byte, the low half first, 32 codes to
   * a scale; the zero points of each output begin with a byte.
   */
  const dequantized = (graph: Graph): Float32Array => {
    const [codes, scales, zeros] = ['.int4', '.scales', '.zero_points'].map((suffix) => {
      const [, data] = [...graph.initializers].find(([name]) => name.endsWith(suffix)) as [string, Tensor]
      return elements(data)
    }) as [Uint8Array, Float32Array, Uint8Array]
    const bytes = 2 * Math.ceil(blocks / 2)
    return Float32Array.from(weights, (_, i) => {
      const [k, n, block] = [Math.floor(i / N), i % N, blockOf(i)]
      const zero = half(zeros, n * bytes + Math.floor(k / 32))
      return (half(codes, block * 32 + (k % 32)) - zero) * (scales[block] as number)
    })
  }
  /** Squared error of each block. */
  const errorsOf = (approximation: ArrayLike<number>): Float64Array => {
    const errors = new Float64Array(N * blocks)
    weights.forEach((value, i) => {
      errors[blockOf(i)] = (errors[blockOf(i)] as number) + (value - (approximation[i] as number)) ** 2
    })
    return errors
  }
  const total = (errors: Float64Array): number => errors.reduce((a, b) => a + b)

  it.each([{}, { transposed: true }, { matmul: true }, { matmul: true, transposed: true }])(
    '%j: the runtime computes with what the codes say',
    async (options) => {
      const { graph, feeds } = layer(options)
      const quantized = storeWeights(graph, 'int4')
      expect(quantized.nodes.map(({ opType }) => opType)).toEqual(
        options.matmul ? ['MatMulNBits'] : ['MatMulNBits', 'Add'],
      )
      const plain = layer({ matmul: options.matmul ?? false }).graph
      plain.initializers.set('w', float32([K, N], dequantized(quantized)))
      const [expected, actual] = [await run(plain, feeds), await run(quantized, feeds)]
      expect(actual.get(graph.outputs[0] as string)?.data ?? []).toBeAllclose(
        expected.get(plain.outputs[0] as string)?.data ?? [],
        { atol: 1e-4 },
      )
    },
  )

  it('errs in no block more than with -8 to 7 times an eighth of its value of greatest magnitude', () => {
    const farthest = new Float64Array(N * blocks)
    weights.forEach((value, i) => {
      if (Math.abs(value) > Math.abs(farthest[blockOf(i)] as number)) farthest[blockOf(i)] = value
    })
    const symmetric = weights.map((value, i) => {
      const scale = (farthest[blockOf(i)] as number) / -8
      return Math.min(7, Math.max(-8, Math.round(value / scale))) * scale
    })
    const [ours, its] = [errorsOf(dequantized(storeWeights(layer().graph, 'int4'))), errorsOf(symmetric)]
    expect(ours.findIndex((error, block) => error > (its[block] as number) * 1.00001)).toBe(-1)
    expect(Math.sqrt(total(ours) / total(its))).toBeLessThan(0.9)
  })

  it('gives a matrix that has codes the same codes again', () => {
    const once = dequantized(storeWeights(layer().graph, 'int4'))
    const again = dequantized(storeWeights(denseLayer([K, N], once, {}), 'int4'))
    expect(again).toBeAllclose(once, { atol: 1e-6 })
  })

  it('is read back; a matrix that a Gather reads too is int8', async () => {
    const tied = storeWeights(layer({ tied: true }).graph, 'int4')
    expect(count(tied, 'MatMulNBits')).toBe(0)
    expect(count(tied, 'DequantizeLinear')).toBe(1)
    const { graph, feeds } = layer()
    const quantized = storeWeights(graph, 'int4')
    const again = readModel(writeModel(quantized))
    expect((await run(packMatrices(again), feeds)).get('Gemm')?.data).toEqual(
      (await run(quantized, feeds)).get('Gemm')?.data,
    )
    const loss = build(again).ReduceSum(again.values.get('Gemm') as Value, { keepdims: 0 }).name
    const gradient = differentiate(again, { loss, wrt: ['x'] }).get('x')?.name as string
    again.outputs = [gradient]
    const sums = Array.from({ length: K }, (_, k) => dequantized(quantized).slice(k * N, (k + 1) * N))
    const row = sums.map((outputs) => outputs.reduce((a, b) => a + b, 0))
    expect((await run(packMatrices(again), feeds)).get(gradient)?.data ?? []).toBeAllclose(
      Array.from({ length: 6 }, () => row).flat(),
      { atol: 1e-4 },
    )
  })
})
