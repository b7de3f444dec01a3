import { describe, expect, it } from 'vitest'
import { type build, float32, lower, simplify, type Graph, type Value } from '../../src/index.ts'
import { count, graphOf, values } from '../support/rewrites.ts'
import { of, run } from '../support/run.ts'

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
