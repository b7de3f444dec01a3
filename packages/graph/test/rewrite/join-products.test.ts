import { describe, expect, it } from 'vitest'
import { addInput, build, createGraph, differentiate, joinProducts, prune, type Value } from '../../src/index.ts'
import { count, sameNumbers, values } from '../support/rewrites.ts'
import { of } from '../support/run.ts'

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
