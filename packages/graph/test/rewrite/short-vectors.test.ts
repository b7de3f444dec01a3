// The passes for processors with short vectors: other nodes, the same numbers.

import { describe, expect, it } from 'vitest'
import {
  build,
  type Builder,
  differentiate,
  elementCount,
  type Graph,
  prune,
  shortVectors,
  type Value,
} from '../../src/index.ts'
import { count, feedsOf, graphWith, sameNumbers, values } from '../support/rewrites.ts'
import { of } from '../support/run.ts'

/** The output y and the gradients of sum(weights y) with respect to all inputs, as a training model has them. */
function trainingGraph(
  shapes: Readonly<Record<string, number[]>>,
  make: (g: Builder, x: Record<string, Value>) => Value,
  wrt = Object.keys(shapes),
): Graph {
  const graph = graphWith(shapes, (g, x) => [make(g, x)])
  const g = build(graph)
  const y = graph.values.get(graph.outputs[0] as string) as Value
  const dims = y.shape as number[]
  const weights = g.constant('weights', of('float32', dims, values(elementCount(dims), 9)))
  const loss = g.ReduceSum(g.Mul(y, weights), { keepdims: 0 })
  const gradients = differentiate(graph, { loss: loss.name, wrt })
  graph.outputs = [y.name, ...[...gradients.values()].map(({ name }) => name)]
  prune(graph)
  return graph
}

const rewritten = (graph: Graph, scale = 1) => sameNumbers(graph, shortVectors, feedsOf(graph, scale))

describe('narrow products', () => {
  const orders = [0, 1].flatMap((transA) => [0, 1].map((transB) => ({ transA, transB })))
  it.each(orders)('are transposed, and read so by the products after them: %o', async ({ transA, transB }) => {
    const shapes = { a: transA ? [5, 16] : [16, 5], b: transB ? [8, 5] : [5, 8], c: [16, 3], d: [8, 20], e: [7, 8] }
    const graph = graphWith(shapes, (g, { a, b, c, d, e }) => {
      const narrow = g.Gemm(a as Value, b as Value, { transA, transB, alpha: 0.5 })
      return [
        g.Gemm(narrow, d as Value),
        g.Gemm(narrow, c as Value, { transA: 1 }),
        g.Gemm(e as Value, narrow, { transB: 1 }),
      ]
    })
    const result = await rewritten(graph)
    expect(count(result, 'Transpose')).toBe(0)
    expect(result.nodes.some(({ outputs: [name = ''] }) => String(result.values.get(name)?.shape) === '8,16')).toBe(
      true,
    )
  })
  it('are transposed back for outputs and other operators', async () => {
    const graph = graphWith({ a: [32, 5], b: [5, 4] }, (g, { a, b }) => {
      const narrow = g.Gemm(a as Value, b as Value)
      return [narrow, g.Exp(narrow)]
    })
    expect(count(await rewritten(graph), 'Transpose')).toBe(1)
  })
  it.each([
    ['of nine columns', [32, 5], [5, 9], false],
    ['of few rows', [15, 5], [5, 8], false],
    ['with an addend', [32, 5], [5, 8], true],
  ] as const)('leave those %s alone', async (_, a, b, adds) => {
    const graph = graphWith({ a: [...a], b: [...b], c: [b[1]] }, (g, inputs) => [
      g.Gemm(
        inputs.a as Value,
        inputs.b as Value,
        adds ? (inputs.c as Value) : g.constant('zero', of('float32', [1], [0])),
      ),
      g.Gemm(inputs.a as Value, inputs.b as Value, { alpha: 2 }),
    ])
    expect(count(await rewritten(graph), 'Transpose')).toBe(adds ? 1 : 0)
  })
  it('of LoRA and its gradients need a transpose for the gradient of B alone', async () => {
    const graph = trainingGraph({ x: [24, 20], w: [20, 18], a: [4, 20], b: [18, 4] }, (g, { x, w, a, b }) => {
      const low = g.Gemm(x as Value, a as Value, { transB: 1 })
      return g.Add(g.Gemm(x as Value, w as Value), g.Gemm(low, b as Value, { transB: 1, alpha: 2 }))
    })
    const result = await rewritten(graph)
    expect(count(result, 'Transpose')).toBe(1)
    expect(count(result, 'Add')).toBe(0)
  })
})

describe('layer normalization', () => {
  const shapes = { x: [3, 2, 6], scale: [6], shift: [6] }
  const normalize =
    (attributes: { axis?: number; epsilon?: number }) =>
    (g: Builder, { x, scale, shift }: Record<string, Value>): Value =>
      g.LayerNormalization(x as Value, scale as Value, shift as Value, attributes)

  it('shares its statistics with its gradient', async () => {
    const graph = trainingGraph(shapes, normalize({ epsilon: 0.1 }))
    expect(count(graph, 'LayerNormalization')).toBe(2)
    const result = await rewritten(graph)
    expect(count(result, 'LayerNormalization')).toBe(0)
    // One for the mean, two of the gradient.
    expect(count(result, 'ReduceMean')).toBe(3)
    expect(count(result, 'SimplifiedLayerNormalization')).toBe(1)
  })
  it('is exact for rows far from zero, and for rows of one number', async () => {
    const graph = graphWith({ x: [2, 4], scale: [4] }, (g, { x, scale }) => [
      g.LayerNormalization(g.Add(x as Value, g.constant('far', of('float32', [2, 1], [300, 0]))), scale as Value),
      g.LayerNormalization(g.Expand(g.scalar(5), g.Shape(x as Value)), scale as Value, { axis: 1 }),
    ])
    expect(count(await rewritten(graph), 'LayerNormalization')).toBe(0)
  })
  it('of several axes is left alone', async () => {
    const graph = graphWith({ x: [3, 2, 6], scale: [2, 6], shift: [2, 6] }, (g, x) => [normalize({ axis: 1 })(g, x)])
    expect(count(await rewritten(graph), 'LayerNormalization')).toBe(1)
  })
})

describe('GELU', () => {
  const forms = ['tanh', 'none'] as const
  it.each(forms)('and its gradient share a factor: %s', async (approximate) => {
    const graph = trainingGraph({ x: [4, 9] }, (g, { x }) => g.Gelu(x as Value, { approximate }))
    for (const scale of [0, 1, 20]) {
      const result = await rewritten(graph, scale)
      expect(['Gelu', 'Div', 'Sigmoid', 'Erf'].map((opType) => count(result, opType))).toEqual([1, 1, 0, 0])
    }
  })
  it.each(forms)('without a gradient stays one kernel: %s', async (approximate) => {
    const graph = graphWith({ x: [4, 9] }, (g, { x }) => [g.Gelu(x as Value, { approximate })])
    expect(count(await rewritten(graph), 'Gelu')).toBe(1)
  })
  it('of two values keep their factors apart', async () => {
    const graph = trainingGraph({ x: [4, 9], y: [4, 9] }, (g, { x, y }) =>
      g.Gelu(g.Add(g.Gelu(x as Value, { approximate: 'tanh' }), g.Gelu(y as Value)), { approximate: 'tanh' }),
    )
    const result = await rewritten(graph)
    expect(['Gelu', 'Div', 'Sigmoid', 'Erf'].map((opType) => count(result, opType))).toEqual([3, 3, 0, 0])
  })
})
