// Rewrites change the nodes and not the numbers.

import { describe, expect, it } from 'vitest'
import {
  addInitializer,
  addInput,
  build,
  cloneGraph,
  createGraph,
  differentiate,
  elements,
  float32,
  foldReshapes,
  foldTransposes,
  type Graph,
  int8Products,
  joinProducts,
  joinSharedInputs,
  lower,
  prune,
  readModel,
  rowsAt,
  simplify,
  storeWeights,
  sumByProduct,
  type Tensor,
  transposeMatrix,
  type Value,
  writeModel,
} from '../src/index.ts'
import { of, run } from './run.ts'

const values = (count: number, salt: number): number[] =>
  Array.from({ length: count }, (_, i) => Math.sin(1.7 * i + salt))
const count = (graph: Graph, opType: string): number => graph.nodes.filter((node) => node.opType === opType).length

/** A graph of x [batch, 3, 4]. */
function graphOf(make: (g: ReturnType<typeof build>, x: Value) => Value[]): Graph {
  const graph = createGraph('graph')
  graph.outputs = make(build(graph), addInput(graph, 'x', 'float32', ['batch', 3, 4])).map(({ name }) => name)
  return graph
}

interface LayerOptions {
  transposed?: boolean
  matmul?: boolean
  tied?: boolean
}

/** x W + b, W [K, N] as it is or transposed, by Gemm or (without b) MatMul; looked up too, where it is tied. */
function denseLayer(
  [K, N]: readonly [number, number],
  weights: Float32Array,
  { transposed, matmul, tied }: LayerOptions,
): Graph {
  const graph = createGraph('layer')
  const g = build(graph)
  const x = addInput(graph, 'x', 'float32', matmul ? ['batch', 'rows', K] : ['rows', K])
  const turned = Float32Array.from(weights, (_, i) => weights[(i % K) * N + Math.floor(i / K)] as number)
  const w = addInitializer(graph, 'w', transposed ? float32([N, K], turned) : float32([K, N], weights))
  const y = matmul
    ? g.MatMul(x, transposed ? g.Transpose(w, { perm: [1, 0] }) : w)
    : g.Gemm(x, w, g.constant('b', float32([N], values(N, 3))), { transB: transposed ? 1 : 0 })
  graph.outputs = [y.name, ...(tied ? [g.Gather(w, g.constant('ids', of('int64', [2], [0, 3]))).name] : [])]
  return graph
}

async function sameNumbers(
  graph: Graph,
  rewrite: (graph: Graph) => Graph,
  feeds: Parameters<typeof run>[1],
): Promise<Graph> {
  const rewritten = rewrite(graph)
  prune(rewritten)
  const [before, after] = [await run(graph, feeds), await run(rewritten, feeds)]
  for (const [name, { dims, data }] of before) {
    expect(after.get(name)?.dims).toEqual(dims)
    expect(after.get(name)?.data ?? []).toBeAllclose(data)
  }
  return rewritten
}

describe('foldTransposes', () => {
  it('separates the swap of a factor’s permutation, which cancels in the gradient', async () => {
    const graph = createGraph('keys')
    const g = build(graph)
    const [q, k] = ['q', 'k'].map((name) => addInput(graph, name, 'float64', [2, 3, 2, 4])) as [Value, Value]
    const scores = g.MatMul(g.Transpose(q, { perm: [0, 2, 1, 3] }), g.Transpose(k, { perm: [0, 2, 3, 1] }))
    g.node('ReduceSum', [g.Mul(scores, g.Exp(scores))], { attributes: { keepdims: 0 }, outputs: ['loss'] })
    graph.outputs = [
      'loss',
      ...[...differentiate(graph, { loss: 'loss', wrt: ['q', 'k'] }).values()].map(({ name }) => name),
    ]
    prune(graph)
    const feeds = { q: of('float64', [2, 3, 2, 4], values(48, 1)), k: of('float64', [2, 3, 2, 4], values(48, 2)) }
    const { nodes } = await sameNumbers(graph, foldTransposes, feeds)
    const perms = nodes.filter(({ opType }) => opType === 'Transpose').map(({ attributes }) => String(attributes.perm))
    expect(perms).not.toContain('0,2,3,1')
    expect(perms.filter((perm) => perm === '0,2,1,3').length).toBe(4)
  })

  it('transposes the factors of attention’s gradients instead of their product', async () => {
    const graph = createGraph('attention')
    const g = build(graph)
    const [q, k] = ['q', 'k'].map((name) =>
      g.Transpose(addInput(graph, name, 'float64', [2, 3, 2, 4]), { perm: [0, 2, 1, 3] }),
    ) as [Value, Value]
    const scores = g.MatMul(q, transposeMatrix(g, k))
    g.node('ReduceSum', [g.Mul(scores, g.Exp(scores))], { attributes: { keepdims: 0 }, outputs: ['loss'] })
    graph.outputs = [
      'loss',
      ...[...differentiate(graph, { loss: 'loss', wrt: ['q', 'k'] }).values()].map(({ name }) => name),
    ]
    prune(graph)
    const feeds = { q: of('float64', [2, 3, 2, 4], values(48, 1)), k: of('float64', [2, 3, 2, 4], values(48, 2)) }
    const rewritten = await sameNumbers(graph, foldTransposes, feeds)
    // q and k and the gradient of each are moved between heads and tokens; k' and the scores' gradient are transposed
    // as factors.
    const moving = rewritten.nodes.filter(
      (node) => node.opType === 'Transpose' && (node.attributes.perm as number[]).at(-1) === 2,
    )
    expect(
      moving.every(({ outputs }) =>
        rewritten.nodes.some((node) => node.opType === 'MatMul' && node.inputs.includes(outputs[0] as string)),
      ),
    ).toBe(true)
  })

  it('drops a transpose that is the inverse of the one before, and keeps other pairs', async () => {
    const graph = createGraph('undone')
    const g = build(graph)
    const moved = g.Transpose(addInput(graph, 'x', 'float64', [2, 3, 4]), { perm: [1, 0, 2] })
    const back = g.Transpose(g.Transpose(transposeMatrix(g, moved), { perm: [0, 1, 2] }), { perm: [0, 2, 1] })
    graph.outputs = [g.Exp(back).name, g.Exp(transposeMatrix(g, moved)).name]
    expect(
      count(await sameNumbers(graph, foldTransposes, { x: of('float64', [2, 3, 4], values(24, 1)) }), 'Transpose'),
    ).toBe(2)
  })

  it('does not change a product with another consumer', async () => {
    const graph = createGraph('shared')
    const g = build(graph)
    const product = g.MatMul(addInput(graph, 'a', 'float64', [2, 2, 3]), addInput(graph, 'b', 'float64', [2, 3, 2]))
    const transposed = g.Transpose(product, { perm: [0, 2, 1] })
    graph.outputs = [product.name, transposed.name]
    const feeds = { a: of('float64', [2, 2, 3], values(12, 1)), b: of('float64', [2, 3, 2], values(12, 2)) }
    expect(count(await sameNumbers(graph, foldTransposes, feeds), 'MatMul')).toBe(1)
  })
})

describe('joinProducts', () => {
  it('joins a weight’s gradient over many steps into one product', async () => {
    const graph = createGraph('steps')
    const g = build(graph)
    const w = addInput(graph, 'w', 'float64', [3, 3])
    let h = addInput(graph, 'h', 'float64', [4, 3])
    for (let step = 0; step < 5; step++) h = g.Tanh(g.Gemm(h, w))
    g.node('ReduceSum', [h], { attributes: { keepdims: 0 }, outputs: ['loss'] })
    graph.outputs = ['loss', differentiate(graph, { loss: 'loss', wrt: ['w'] }).get('w')?.name as string]
    prune(graph)
    const rewritten = await sameNumbers(graph, joinProducts, {
      w: of('float64', [3, 3], values(9, 1)),
      h: of('float64', [4, 3], values(12, 2)),
    })
    expect(graph.nodes.filter(({ attributes }) => attributes.transA === 1).length).toBe(5)
    expect(rewritten.nodes.filter(({ attributes }) => attributes.transA === 1).length).toBe(1)
  })

  it('does not change other sums', async () => {
    const graph = createGraph('mixed')
    const g = build(graph)
    const [a, b] = ['a', 'b'].map((name) => addInput(graph, name, 'float64', [2, 2])) as [Value, Value]
    graph.outputs = [
      g.Add(g.Gemm(a, b, { transA: 1 }), b).name,
      g.Add(g.Gemm(a, b, { transA: 1 }), g.Gemm(b, a, { transA: 1, alpha: 2 })).name,
    ]
    const rewritten = await sameNumbers(graph, joinProducts, {
      a: of('float64', [2, 2], values(4, 1)),
      b: of('float64', [2, 2], values(4, 2)),
    })
    expect(count(rewritten, 'Add')).toBe(2)
  })
})

describe('joinSharedInputs', () => {
  const layers = (widths: readonly number[], options: Record<string, number> = { transB: 1 }) => {
    const graph = createGraph('thin')
    const g = build(graph)
    const x = addInput(graph, 'x', 'float64', ['rows', 3])
    const products = widths.map((width, i) => g.Gemm(x, addInput(graph, `a${i}`, 'float64', [width, 3]), options))
    const loss = products.map((product) => g.ReduceSum(g.Exp(product), { keepdims: 0 })).reduce((a, b) => g.Add(a, b))
    graph.outputs = [loss.name, ...products.map(({ name }) => name)]
    const feeds = Object.fromEntries([
      ['x', of('float64', [5, 3], values(15, 1))],
      ...widths.map((width, i) => [`a${i}`, of('float64', [width, 3], values(3 * width, i))]),
    ])
    return { graph, feeds, loss: loss.name, names: ['x', ...widths.map((_, i) => `a${i}`)] }
  }

  it('joins several thin products of one value, and their gradients', async () => {
    const { graph, feeds, loss, names } = layers([2, 4, 1])
    const gradients = (of: Graph) =>
      of.outputs.push(...[...differentiate(of, { loss, wrt: names }).values()].map(({ name }) => name))
    const [apart, joined] = [cloneGraph(graph), joinSharedInputs(graph)]
    for (const one of [apart, joined]) {
      gradients(one)
      prune(one)
    }
    expect([count(apart, 'Gemm'), count(joined, 'Gemm')]).toEqual([9, 3])
    const [before, after] = [await run(apart, feeds), await run(joined, feeds)]
    for (const [i, name] of apart.outputs.entries())
      expect(after.get(joined.outputs[i] as string)?.data ?? []).toBeAllclose(before.get(name)?.data ?? [])
  })

  it('joins at most as many products as WebGPU can bind', async () => {
    const { graph, feeds } = layers(Array.from({ length: 13 }, () => 2))
    const joined = await sameNumbers(graph, joinSharedInputs, feeds)
    expect(joined.nodes.filter(({ opType }) => opType === 'Split').map(({ outputs }) => outputs.length)).toEqual([6, 6])
    expect(count(joined, 'Gemm')).toBe(3)
  })

  it('does not change wide matrices, other layouts and single products', async () => {
    for (const [widths, options] of [
      [[200, 200], { transB: 1 }],
      [[3, 3], {}],
      [[2, 2], { transB: 1, alpha: 2 }],
      [[2], { transB: 1 }],
    ] as const) {
      const { graph, feeds } = layers(widths, options)
      expect(count(await sameNumbers(graph, joinSharedInputs, feeds), 'Split')).toBe(0)
    }
  })
})

describe('storeWeights in int4', () => {
  const [K, N] = [70, 64] as const
  const weights = Float32Array.from(values(K * N, 1))
  const layer = (options: LayerOptions = {}) => {
    const feeds = { x: of('float32', options.matmul ? [2, 3, K] : [6, K], values(6 * K, 2)) }
    return { graph: denseLayer([K, N], weights, options), feeds }
  }
  /** What the file says: (code - 8) scale, codes two to a byte, the low half first, 32 to a scale. */
  const dequantized = (graph: Graph): Float32Array => {
    const [codes, scales] = ['.int4', '.scales'].map((suffix) => {
      const [, data] = [...graph.initializers].find(([name]) => name.endsWith(suffix)) as [string, Tensor]
      return elements(data)
    }) as [Uint8Array, Float32Array]
    const blocks = Math.ceil(K / 32)
    return Float32Array.from(weights, (_, i) => {
      const [k, n] = [Math.floor(i / N), i % N]
      const place = (n * blocks + Math.floor(k / 32)) * 32 + (k % 32)
      const code = ((codes[place >> 1] as number) >> (4 * (place & 1))) & 15
      return (code - 8) * (scales[n * blocks + Math.floor(k / 32)] as number)
    })
  }

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

  it('has an error of at most half a scale, which is an eighth of the greatest value of its block', () => {
    const back = dequantized(storeWeights(layer().graph, 'int4'))
    const greatest = (i: number) => {
      const [k, n] = [Math.floor(i / N), i % N]
      const first = 32 * Math.floor(k / 32)
      return Math.max(
        ...Array.from({ length: Math.min(32, K - first) }, (_, j) => Math.abs(weights[(first + j) * N + n] as number)),
      )
    }
    // One step where the value lies at the end of the range that has no code: +8.
    expect(weights.findIndex((value, i) => Math.abs(value - (back[i] as number)) > greatest(i) / 8 + 1e-6)).toBe(-1)
    const mean =
      weights.reduce((sum, value, i) => sum + Math.abs(value - (back[i] as number)) / greatest(i), 0) / weights.length
    expect(mean).toBeLessThan(1 / 24)
  })

  it('is read back; a matrix that a Gather reads too is int8', async () => {
    const tied = storeWeights(layer({ tied: true }).graph, 'int4')
    expect(count(tied, 'MatMulNBits')).toBe(0)
    expect(count(tied, 'DequantizeLinear')).toBe(1)
    const { graph, feeds } = layer()
    const quantized = storeWeights(graph, 'int4')
    const again = readModel(writeModel(quantized))
    expect((await run(again, feeds)).get('Gemm')?.data).toEqual((await run(quantized, feeds)).get('Gemm')?.data)
    expect(() =>
      differentiate(again, {
        loss: build(again).ReduceSum(again.values.get('Gemm') as Value, { keepdims: 0 }).name,
        wrt: ['x'],
      }),
    ).toThrow(/MatMulNBits/)
  })
})

describe('foldReshapes', () => {
  const feeds = { x: of('float32', [2, 3, 4], values(24, 1)) }
  const simple = (graph: Graph) => sameNumbers(graph, foldReshapes, feeds)

  it('removes reshapes that cancel', async () => {
    const { nodes } = await simple(
      graphOf((g, x) => {
        const rows = g.Relu(g.Reshape(x, g.int64([-1, 4])))
        const whole = g.Reshape(rows, g.Concat(g.Shape(x, { start: 0, end: 2 }), g.int64([4]), { axis: 0 }))
        return [
          g.Neg(g.Reshape(g.Unsqueeze(whole, g.int64([0])), g.int64([-1, 4]))),
          g.Reshape(g.Exp(rows), g.Shape(whole)),
        ]
      }),
    )
    expect(nodes.map(({ opType }) => opType).sort()).toEqual([
      'Concat',
      'Exp',
      'Neg',
      'Relu',
      'Reshape',
      'Reshape',
      'Shape',
    ])
  })
  it('keeps targets with 0, outputs of the graph, and other shapes', async () => {
    const { nodes } = await simple(
      graphOf((g, x) => {
        const turned = g.Reshape(x, g.int64([4, -1, 3]))
        return [g.Reshape(turned, g.int64([0, -1])), g.Reshape(x, g.int64([-1, 3, 4])), g.Neg(turned)]
      }),
    )
    expect(nodes.filter(({ opType }) => opType === 'Reshape').length).toBe(3)
  })
})

describe('sumByProduct', () => {
  it('sums rows with a row of ones, shared by values with the same number of rows', async () => {
    const graph = createGraph('sums')
    const g = build(graph)
    const [x, y] = ['x', 'y'].map((name, i) => addInput(graph, name, 'float32', ['batch', 'rows', 3 + i])) as [
      Value,
      Value,
    ]
    const sum = (value: Value, axes: readonly number[], keepdims = 0) => g.ReduceSum(value, g.int64(axes), { keepdims })
    graph.outputs = [sum(x, [0, 1]), sum(y, [0, 1]), sum(x, [0]), sum(x, [0, 1], 1), sum(x, [2])].map(
      ({ name }) => name,
    )
    const feeds = { x: of('float32', [2, 5, 3], values(30, 1)), y: of('float32', [2, 5, 4], values(40, 2)) }
    const { nodes } = await sameNumbers(graph, sumByProduct, feeds)
    const counts = ['Gemm', 'Expand', 'ReduceSum'].map((type) => nodes.filter(({ opType }) => opType === type).length)
    expect(counts).toEqual([2, 1, 3])
  })
})

describe('int8Products', () => {
  const [K, N, rows] = [96, 64, 5] as const
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
    const [codes, scales] = ['int8', 'scale'].map((suffix) =>
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
    const [codes, scales] = ['w.int8', 'w.scale'].map((name) => elements(initializers.get(name) as Tensor)) as [
      Int8Array,
      Float32Array,
    ]
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

describe('simplify', () => {
  const feeds = { x: of('float32', [2, 3, 4], values(24, 1)) }
  /** The simple graph, seen to compute the same. */
  const simple = async (graph: Graph): Promise<Graph> => {
    const result = simplify(graph)
    const [before, after] = [await run(graph, feeds), await run(lower(result), feeds)]
    for (const [i, name] of graph.outputs.entries())
      expect(after.get(result.outputs[i] as string)?.data ?? []).toBeAllclose(before.get(name)?.data ?? [], {
        atol: 1e-6,
      })
    return result
  }

  it('recognises RMS normalization in any form', async () => {
    const mean = (g: ReturnType<typeof build>, square: Value, axis = -1) =>
      g.Sqrt(g.Add(g.ReduceMean(square, g.int64([axis])), g.scalar(1e-3)))
    const graph = graphOf((g, x) => {
      const weight = g.constant('weight', float32([4], values(4, 2)))
      const [a, b, c] = [mean(g, g.Pow(x, g.scalar(2))), mean(g, g.Mul(x, x), 2), mean(g, g.Pow(x, g.scalar(2)))]
      return [
        g.Mul(weight, g.Mul(x, g.Reciprocal(a))),
        g.Mul(g.Mul(g.Div(g.scalar(1), b), x), weight),
        g.Mul(g.Div(x, c), weight),
      ]
    })
    expect((await simple(graph)).nodes.map(({ opType }) => opType)).toEqual([
      'RMSNormalization',
      'RMSNormalization',
      'RMSNormalization',
    ])
    const other = graphOf((g, x) => {
      const weight = g.constant('weight', float32([4], values(4, 2)))
      return [
        g.Mul(weight, g.Div(x, mean(g, g.Pow(x, g.scalar(3))))),
        g.Mul(weight, g.Div(x, mean(g, g.Pow(x, g.scalar(2)), 1))),
      ]
    })
    expect(
      count(await simple(graphOf((g, x) => [g.Mul(x, g.Div(x, mean(g, g.Pow(x, g.scalar(2)))))])), 'RMSNormalization'),
    ).toBe(0)
    expect(count(simplify(other), 'RMSNormalization')).toBe(0)
  })

  it('recognises Swish, but not a gate by another value', async () => {
    const graph = graphOf((g, x) => [g.Mul(x, g.Sigmoid(x)), g.Mul(g.Sigmoid(x), x), g.Mul(x, g.Sigmoid(g.Neg(x)))])
    const { nodes } = await simple(graph)
    expect(nodes.map(({ opType }) => opType)).toEqual(['Swish', 'Swish', 'Neg', 'Sigmoid', 'Mul'])
  })

  it('joins slices that cover a value into one Split, and keeps others', async () => {
    const cut = (g: ReturnType<typeof build>, x: Value, start: number, end: number, axis = -1) =>
      g.Slice(x, g.int64([start]), g.int64([end]), g.int64([axis]), g.int64([1]))
    const halves = await simple(graphOf((g, x) => [g.Neg(cut(g, x, 2, 2 ** 31)), cut(g, x, 0, -2)]))
    expect([count(halves, 'Split'), count(halves, 'Slice')]).toEqual([1, 0])
    for (const pieces of [
      (g: ReturnType<typeof build>, x: Value) => [cut(g, x, 0, 2), cut(g, x, 3, 4)],
      (g: ReturnType<typeof build>, x: Value) => [cut(g, x, 0, 3), cut(g, x, 2, 4)],
      (g: ReturnType<typeof build>, x: Value) => [cut(g, x, 0, 2), cut(g, x, 2, 3, 1)],
      (g: ReturnType<typeof build>, x: Value) => [cut(g, x, 0, 1, 0), cut(g, x, 1, 2, 0)],
    ])
      expect(count(await simple(graphOf(pieces)), 'Slice')).toBe(2)
  })
})

describe('rowsAt', () => {
  const feeds = { x: of('float32', [2, 3, 4], values(24, 1)), at: of('int32', [2], [1, 5]) }
  const graphOf = (make: (g: ReturnType<typeof build>, x: Value) => Value) => {
    const graph = createGraph('rows')
    const g = build(graph)
    const states = make(g, addInput(graph, 'x', 'float32', ['batch', 3, 4]))
    return { graph, states, at: addInput(graph, 'at', 'int32', ['n']) }
  }
  const weight = (g: ReturnType<typeof build>, dims: number[], salt: number) =>
    g.constant(
      'w',
      float32(
        dims,
        values(
          dims.reduce((a, b) => a * b, 1),
          salt,
        ),
      ),
    )
  const mlp = (g: ReturnType<typeof build>, x: Value) => {
    const normal = g.RMSNormalization(x, weight(g, [4], 1), { epsilon: 1e-3 })
    const hidden = g.Swish(g.Gemm(g.Reshape(normal, g.int64([-1, 4])), weight(g, [6, 4], 2), { transB: 1 }))
    return g.Add(x, g.Reshape(g.Gemm(hidden, weight(g, [6, 4], 3), weight(g, [4], 4)), g.Shape(x)))
  }
  /** The rows chosen early, seen to be those chosen at the end. */
  const chosen = async (make: (g: ReturnType<typeof build>, x: Value) => Value): Promise<Graph> => {
    const late = graphOf(make)
    const g = build(late.graph)
    late.graph.outputs = [g.Gather(g.Reshape(late.states, g.int64([-1, 4])), late.at).name]
    const early = graphOf(make)
    early.graph.outputs = [rowsAt(early.graph, early.states, early.at).name]
    for (const { graph } of [late, early]) prune(graph)
    const [expected, actual] = await Promise.all([late, early].map(({ graph }) => run(lower(graph), feeds)))
    expect(actual?.get(early.graph.outputs[0] as string)?.data ?? []).toBeAllclose(
      expected?.get(late.graph.outputs[0] as string)?.data ?? [],
    )
    return early.graph
  }
  const rowsOf = (graph: Graph, opType: string) =>
    graph.nodes
      .filter((node) => node.opType === opType)
      .map(({ outputs: [output] }) => graph.values.get(output as string)?.shape[0])

  it('goes back through an MLP to the node that mixes rows', async () => {
    const graph = await chosen((g, x) =>
      mlp(g, g.Add(x, g.MatMul(g.Softmax(g.MatMul(x, transposeMatrix(g, x)), { axis: -1 }), x))),
    )
    expect([rowsOf(graph, 'Gemm'), rowsOf(graph, 'RMSNormalization')]).toEqual([['n', 'n'], ['n']])
    // The sum of x and what attention gave is of chosen rows too; the products of attention are not.
    expect(
      graph.nodes
        .filter(({ opType }) => opType === 'Add')
        .map(({ outputs: [output] }) => graph.values.get(output as string)?.shape),
    ).toEqual([
      ['n', 4],
      ['n', 4],
    ])
    expect(rowsOf(graph, 'MatMul')).toEqual(['batch', 'batch'])
  })

  it('computes nothing twice: rows of a value that others read in full are gathered', async () => {
    const graph = await chosen((g, x) => {
      const before = mlp(g, x)
      return mlp(
        g,
        g.Add(before, g.MatMul(g.Softmax(g.MatMul(before, transposeMatrix(g, before)), { axis: -1 }), before)),
      )
    })
    expect(rowsOf(graph, 'Gemm')).toEqual(['3*batch', '3*batch', 'n', 'n'])
    expect(count(graph, 'RMSNormalization')).toBe(2)
  })

  it('gathers rows of a value that another output reads', async () => {
    const { graph, states, at } = graphOf(mlp)
    graph.outputs = [build(graph).Identity(states).name]
    graph.outputs.push(rowsAt(graph, states, at).name)
    prune(graph)
    expect([count(graph, 'Gemm'), count(graph, 'RMSNormalization')]).toEqual([2, 1])
    const [whole, rows] = [...(await run(lower(graph), feeds)).values()].map(({ data }) => [...data])
    expect(rows).toEqual([...(whole?.slice(4, 8) ?? []), ...(whole?.slice(20, 24) ?? [])])
  })

  it('stops at a node that mixes rows, or reads a value of some rows only', async () => {
    for (const make of [
      (g: ReturnType<typeof build>, x: Value) => g.Softmax(x, { axis: 1 }),
      (g: ReturnType<typeof build>, x: Value) => g.Mul(x, g.ReduceMean(x, g.int64([-1]))),
      (g: ReturnType<typeof build>, x: Value) => g.Reshape(g.Reshape(x, g.int64([-1, 2])), g.int64([-1, 4])),
    ])
      expect((await chosen(make)).nodes.at(-1)?.opType).toBe('Gather')
  })
})

describe('lower', () => {
  it.each([
    ['Sin', Math.sin],
    ['Cos', Math.cos],
  ] as const)('%s is as exact as float32 for angles of any position', async (opType, exact) => {
    const graph = createGraph('angles')
    graph.outputs = [build(graph)[opType](addInput(graph, 'x', 'float32', ['n'])).name]
    const angles = Float32Array.from({ length: 4001 }, (_, i) => (i < 2001 ? (i - 1000) / 100 : 4.097 * (i - 3000)))
    const lowered = lower(graph)
    expect(lowered.nodes.some((node) => node.opType === opType)).toBe(false)
    const { data } = (await run(lowered, { x: float32([angles.length], angles) })).get(graph.outputs[0] as string) ?? {
      data: [],
    }
    expect(Math.max(...data.map((value, i) => Math.abs(value - exact(angles[i] as number))))).toBeLessThan(3e-7)
  })
})
