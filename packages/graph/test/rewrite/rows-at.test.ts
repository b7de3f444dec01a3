import { describe, expect, it } from 'vitest'
import {
  addInput,
  build,
  createGraph,
  float32,
  lower,
  prune,
  rowsAt,
  transposeMatrix,
  type Graph,
  type Value,
} from '../../src/index.ts'
import { count, values } from '../support/rewrites.ts'
import { of, run } from '../support/run.ts'

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
