import { describe, expect, it } from 'vitest'
import { addInput, build, createGraph, sumByProduct, type Value } from '../../src/index.ts'
import { sameNumbers, values } from '../support/rewrites.ts'
import { of } from '../support/run.ts'

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
