import { describe, expect, it } from 'vitest'
import { build, elements, float32, int8Products, prune, type Graph, type Tensor, type Value } from '../../src/index.ts'
import { count, denseLayer, type LayerOptions, values } from '../support/rewrites.ts'
import { run } from '../support/run.ts'

describe('int8Products', () => {
  const [K, N, rows] = [256, 128, 5] as const
  const weights = Float32Array.from(values(K * N, 1))
  // Rows of very different size, one of them zeros.
  const sizes = [1e-7, 1, 1e3, 0, 30]
  const input = Float32Array.from(values(rows * K, 2), (value, i) => value * (sizes[Math.floor(i / K)] as number))
  const layer = (options: LayerOptions = {}) => denseLayer([K, N], weights, options)
  const feedsOf = ({ matmul = false } = {}) => ({ x: float32(matmul ? [1, rows, K] : [rows, K], input) })
  const bias = values(N, 3)

  /**
   * The same by the formula: codes of x / rms(x) at one scale and zero point (ONNX's DynamicQuantizeLinear),
   * whole-number products, scales.
   */
  function byFormula(graph: Graph, { transposed = false, matmul = false }): number[] {
    const name = transposed ? 'w.transposed' : 'w'
    const [codes, scales] = ['int8_product', 'int8_product_scale'].map((suffix) =>
      elements(graph.initializers.get(`${name}.${suffix}`) as Tensor),
    ) as [Int8Array, Float32Array]
    const rms = sizes.map((_, row) =>
      Math.sqrt(input.slice(row * K, (row + 1) * K).reduce((sum, value) => sum + value * value, 0) / K),
    )
    const normal = input.map((value, i) => (value === 0 ? 0 : value / (rms[Math.floor(i / K)] as number)))
    const [low, high] = [Math.min(0, ...normal), Math.max(0, ...normal)]
    const scale = Math.fround((high - low) / 255)
    const zero = Math.round(-low / scale)
    const quantized = Array.from(normal, (value) => Math.min(255, Math.max(0, Math.round(value / scale) + zero)) - zero)
    return Array.from({ length: rows * N }, (_, i) => {
      const [row, n] = [Math.floor(i / N), i % N]
      let sum = 0
      for (let k = 0; k < K; k++) sum += (quantized[row * K + k] as number) * (codes[k * N + n] as number)
      return sum * scale * (scales[n] as number) * (rms[row] as number) + (matmul ? 0 : (bias[n] as number))
    })
  }

  it.each([{}, { transposed: true }, { matmul: true }, { matmul: true, transposed: true }])(
    '%j: computes what its formula says',
    async (options) => {
      const quantized = int8Products(layer(options))
      expect(count(quantized, 'DynamicQuantizeMatMul')).toBe(1)
      expect(quantized.initializers.has('w')).toBe(false)
      const [output] = quantized.outputs
      const actual = (await run(quantized, feedsOf(options))).get(output as string)?.data ?? []
      const expected = byFormula(quantized, options)
      for (const row of sizes.keys()) {
        const part = (list: readonly number[]) => list.slice(row * N, (row + 1) * N)
        // Within a code of x: a value at the border between two falls to either side.
        expect(part(actual)).toBeAllclose(part(expected), {
          atol: 1e-3 * Math.max(...part(expected).map(Math.abs)),
          rtol: 0,
        })
      }
    },
  )

  it('is close to the float32 product for rows of any magnitude', async () => {
    const options = { matmul: true }
    const graph = layer(options)
    const [exact, near] = [await run(graph, feedsOf(options)), await run(int8Products(graph), feedsOf(options))].map(
      (results) => results.get(graph.outputs[0] as string)?.data ?? [],
    ) as [number[], number[]]
    for (const [row, size] of sizes.entries()) {
      const error = Math.max(
        ...exact.slice(row * N, (row + 1) * N).map((value, i) => Math.abs(value - (near[row * N + i] as number))),
      )
      expect(error).toBeLessThanOrEqual(0.02 * size * Math.sqrt(K))
    }
  })

  it('has codes of seven bits, with an error of at most half a scale', () => {
    const { initializers } = int8Products(layer())
    const [codes, scales] = ['w.int8_product', 'w.int8_product_scale'].map((name) =>
      elements(initializers.get(name) as Tensor),
    ) as [Int8Array, Float32Array]
    expect(Math.max(...codes.map(Math.abs))).toBe(64)
    expect(
      weights.findIndex(
        (value, i) =>
          Math.abs(value - (codes[i] as number) * (scales[i % N] as number)) > 0.501 * (scales[i % N] as number),
      ),
    ).toBe(-1)
  })

  it('does not change small, trainable and scaled products, nor a matrix that a Gather reads too', () => {
    const tied = int8Products(layer({ matmul: true, transposed: true, tied: true }))
    expect(count(tied, 'DynamicQuantizeMatMul')).toBe(1)
    expect(tied.initializers.has('w')).toBe(true)
    expect(count(int8Products(layer(), K * N + 1), 'DynamicQuantizeMatMul')).toBe(0)
    const trained = layer()
    trained.initializers.delete('w')
    trained.inputs.push('w')
    expect(count(int8Products(trained), 'DynamicQuantizeMatMul')).toBe(0)
    const scaled = layer()
    scaled.nodes = scaled.nodes.map((node) => ({ ...node, attributes: { ...node.attributes, alpha: 2 } }))
    expect(count(int8Products(scaled), 'DynamicQuantizeMatMul')).toBe(0)
  })

  it('quantizes the output of a normalization without scaling, and adds the bias in the same node', async () => {
    const graph = layer()
    const g = build(graph)
    const ones = g.constant('ones', float32([K], new Float32Array(K).fill(1)))
    const normal = g.Reshape(
      g.LayerNormalization(g.Reshape(graph.values.get('x') as Value, g.int64([1, -1, K])), ones),
      g.int64([-1, K]),
    )
    graph.outputs = [g.Gemm(normal, graph.values.get('w') as Value, graph.values.get('b') as Value).name]
    prune(graph)
    const quantized = int8Products(graph)
    expect(count(quantized, 'SimplifiedLayerNormalization')).toBe(0)
    expect(quantized.nodes.at(-1)?.opType).toBe('DynamicQuantizeMatMul')
    const [exact, near] = [await run(graph, feedsOf()), await run(quantized, feedsOf())].map(
      (results) => results.get(graph.outputs[0] as string)?.data ?? [],
    )
    expect(near ?? []).toBeAllclose(exact ?? [], { atol: 0.02 * Math.sqrt(K), rtol: 0 })
    expect(near).not.toEqual(exact)
  })

  it('normalizes a value once for all products that read it', () => {
    const graph = layer()
    graph.outputs.push(build(graph).Gemm(graph.values.get('x') as Value, graph.values.get('w') as Value).name)
    const { nodes } = int8Products(graph)
    expect(
      nodes
        .map(({ opType }) => opType)
        .filter((opType) => opType === 'SimplifiedLayerNormalization' || opType === 'DynamicQuantizeMatMul'),
    ).toEqual(['SimplifiedLayerNormalization', 'DynamicQuantizeMatMul', 'DynamicQuantizeMatMul'])
  })
})
