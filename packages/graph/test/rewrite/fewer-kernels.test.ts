// The passes for devices that pay for each kernel: fewer nodes, the same numbers.

import { describe, expect, it } from 'vitest'
import {
  build,
  type Builder,
  differentiate,
  fewerKernels,
  type Graph,
  prune,
  sumByProduct,
  transposeMatrix,
  type Value,
} from '../../src/index.ts'
import { count, feedsOf, graphWith, sameNumbers, values } from '../support/rewrites.ts'
import { of } from '../support/run.ts'

const rewritten = (graph: Graph) => sameNumbers(graph, fewerKernels, feedsOf(graph))

/** The gradients of sum(sin-like weights y) with respect to all inputs, as the training model has them. */
function gradientGraph(
  shapes: Readonly<Record<string, number[]>>,
  make: (g: Builder, x: Record<string, Value>) => Value,
) {
  const graph = graphWith(shapes, (g, x) => [make(g, x)])
  const g = build(graph)
  const y = graph.values.get(graph.outputs[0] as string) as Value
  const size = y.shape.reduce<number>((a, b) => a * Number(b), 1)
  const weights = g.constant('weights', of('float32', y.shape as number[], values(size, 9)))
  const loss = g.ReduceSum(g.Mul(y, weights), { keepdims: 0 })
  const gradients = differentiate(graph, { loss: loss.name, wrt: Object.keys(shapes) })
  graph.outputs = [...gradients.values()].map(({ name }) => name)
  prune(graph)
  return graph
}

const kernels = ({ nodes }: Graph): number =>
  nodes.filter(({ opType }) => !['Reshape', 'Unsqueeze', 'Squeeze', 'Identity', 'Shape'].includes(opType)).length

describe('fewerKernels', () => {
  it('adds a matrix, and not a scalar, within the product', async () => {
    const graph = graphWith({ a: [2, 3], b: [4, 3], c: [2, 4], s: [] }, (g, { a, b, c, s }) => [
      g.Add(c as Value, g.Gemm(a as Value, b as Value, { transB: 1, alpha: 0.5, beta: 2 })),
      g.Add(g.Gemm(a as Value, b as Value, { transB: 1 }), s as Value),
    ])
    const result = await rewritten(graph)
    expect([count(result, 'Gemm'), count(result, 'Add')]).toEqual([2, 1])
  })
  it('does not add within a product that something else reads', async () => {
    const graph = graphWith({ a: [2, 3], b: [3, 4], c: [2, 4] }, (g, { a, b, c }) => {
      const product = g.Gemm(a as Value, b as Value)
      return [product, g.Add(product, c as Value)]
    })
    expect(count(await rewritten(graph), 'Add')).toBe(1)
  })
  it('reads and writes the heads of attention in place, scaled', async () => {
    const heads = { perm: [0, 2, 1, 3] }
    const graph = gradientGraph({ q: [2, 3, 2, 4], k: [2, 3, 2, 4], v: [2, 3, 2, 4] }, (g, { q, k, v }) => {
      const [a, b, c] = [q, k, v].map((value) => g.Transpose(value as Value, heads)) as [Value, Value, Value]
      const scores = g.Mul(g.MatMul(a, transposeMatrix(g, b)), g.scalar(0.5))
      return g.Transpose(g.MatMul(g.Softmax(scores), c), heads)
    })
    const result = await rewritten(graph)
    expect([count(result, 'Transpose'), count(result, 'MatMul')]).toEqual([0, 0])
    // The scores; the gradients of the probabilities, the sums of softmax's gradient, and those of q, k and v.
    expect(count(result, 'Einsum')).toBe(6)
    expect(count(result, 'Mul')).toBe(2)
  })
  it('leaves a batched product without transposes to MatMul', async () => {
    const graph = graphWith({ a: [2, 2, 3], b: [2, 3, 2] }, (g, { a, b }) => [g.MatMul(a as Value, b as Value)])
    expect(count(await rewritten(graph), 'MatMul')).toBe(1)
  })
  it('computes the gradient of layer normalization by projections', async () => {
    const graph = gradientGraph({ x: [5, 8], scale: [8], shift: [8] }, (g, { x, scale, shift }) =>
      g.LayerNormalization(x as Value, scale as Value, shift as Value, { axis: -1 }),
    )
    const g = build(graph)
    const [dx, ...rest] = graph.outputs.map((name) => graph.values.get(name) as Value)
    graph.outputs = [(dx as Value).name, g.Concat(...rest, { axis: 0 }).name]
    const result = await rewritten(sumByProduct(graph))
    expect(count(result, 'ReduceMean')).toBe(0)
    const counts = ['LayerNormalization', 'Pad', 'Einsum', 'Sub'].map((type) => count(result, type))
    // n and 1 / std; N; h / std, the coefficients, the projection, the parameters' gradients; the difference.
    expect(counts).toEqual([1, 1, 4, 1])
  })
  it.each(['tanh', 'none'])('computes the gradient of GELU (approximate: %s)', async (approximate) => {
    const graph = gradientGraph({ x: [3, 5] }, (g, { x }) => g.Gelu(x as Value, { approximate }))
    const before = kernels(graph)
    expect(kernels(await rewritten(graph))).toBeLessThan(before)
  })
  it('sums scaled values in one kernel, with computed and with constant factors', async () => {
    const graph = graphWith({ x: [3, 5], y: [3, 5], s: [] }, (g, { x, y, s }) => [
      g.Sub(g.Mul(x as Value, g.scalar(0.25)), g.Mul(g.scalar(3), y as Value)),
      g.Sub(y as Value, g.Mul(x as Value, s as Value)),
      g.Add(g.Mul(x as Value, g.scalar(2)), g.scalar(7)),
      g.Sub(g.scalar(7), g.Mul(x as Value, g.scalar(2))),
    ])
    expect(kernels(await rewritten(graph))).toBe(4)
  })
  it('multiplies several factors, and sums products, in one kernel each', async () => {
    const graph = graphWith({ a: [3, 5], b: [5], c: [3, 1] }, (g, { a, b, c }) => [
      g.Mul(g.Mul(a as Value, b as Value), g.Mul(c as Value, g.scalar(3))),
      g.ReduceSum(g.Mul(a as Value, b as Value), g.int64([1])),
      g.ReduceMean(g.Mul(a as Value, c as Value), g.int64([-1]), { keepdims: 0 }),
    ])
    expect(kernels(await rewritten(graph))).toBe(3)
  })
  it('normalizes a residual sum in one kernel, through a change of shape too', async () => {
    const graph = graphWith({ a: [2, 3, 4], b: [2, 3, 4], w: [4], v: [4] }, (g, { a, b, w, v }) => {
      const sum = g.Reshape(g.Add(a as Value, b as Value), g.int64([-1, 4]))
      const first = g.LayerNormalization(sum, w as Value, v as Value, { axis: -1, epsilon: 1e-3 })
      const next = g.Add(sum, first)
      return [next, g.LayerNormalization(next, w as Value, v as Value, { axis: 1 })]
    })
    const result = await rewritten(graph)
    expect([count(result, 'SkipLayerNormalization'), count(result, 'Add')]).toEqual([2, 0])
  })
  it.each([3, 7, 8, 49, 51, 60])('splits a vector into %s parts, seven at a time', async (parts) => {
    const graph = graphWith({ x: [2 * parts + 1] }, (g, { x }) =>
      Array.from({ length: parts }, (_, i) =>
        g.Slice(x as Value, g.int64([2 * i]), g.int64([2 * i + 2]), g.int64([0])),
      ),
    )
    const result = await rewritten(graph)
    expect(count(result, 'Slice')).toBe(0)
    expect(count(result, 'Split')).toBe(Math.ceil(parts / 6))
    expect(Math.max(...result.nodes.map(({ outputs }) => outputs.length))).toBeLessThanOrEqual(7)
  })
  it('leaves slices that overlap', async () => {
    const graph = graphWith({ x: [6] }, (g, { x }) =>
      [0, 1, 2].map((i) => g.Slice(x as Value, g.int64([i]), g.int64([i + 2]), g.int64([0]))),
    )
    expect(count(await rewritten(graph), 'Slice')).toBe(3)
  })
  it('keeps log-sum-exp and norms as one kernel, and adds rows where they belong', async () => {
    const graph = graphWith({ x: [4, 3], rows: [2, 3] }, (g, { x, rows }) => {
      const zeros = g.Expand(g.scalar(0), g.Shape(x as Value))
      const at = g.constant('at', of('int64', [2, 1], [3, 1]))
      return [
        g.Log(g.ReduceSum(g.Exp(x as Value), g.int64([1]))),
        g.Sqrt(g.ReduceSumSquare(x as Value, { keepdims: 0 })),
        g.Add(g.ScatterND(zeros, at, rows as Value, { reduction: 'add' }), x as Value),
      ]
    })
    expect(kernels(await rewritten(graph))).toBe(3)
  })
})
