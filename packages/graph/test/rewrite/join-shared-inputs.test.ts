import { describe, expect, it } from 'vitest'
import {
  addInput,
  build,
  cloneGraph,
  createGraph,
  differentiate,
  joinSharedInputs,
  prune,
  type Graph,
} from '../../src/index.ts'
import { count, sameNumbers, values } from '../support/rewrites.ts'
import { of, run } from '../support/run.ts'

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
