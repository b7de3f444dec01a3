// Frozen matrices in float16: the numbers of the rounded matrices, and no others.

import { expect, it } from 'vitest'
import {
  addInitializer,
  addInput,
  build,
  createGraph,
  float16Matrices,
  float16ToFloat32,
  float32,
  float32ToFloat16,
  type Graph,
  type Tensor,
  toFloat32,
} from '../../src/index.ts'
import { count, values } from '../support/rewrites.ts'
import { of, run } from '../support/run.ts'

/** Rows of a table, times its transpose (a tied head) and another matrix: y = W[ids] W' V + b. */
function graphOf(w: Tensor): Graph {
  const graph = createGraph('graph')
  const g = build(graph)
  const ids = addInput(graph, 'ids', 'int64', ['rows'])
  const [table, v] = [addInitializer(graph, 'w', w), addInitializer(graph, 'v', float32([80, 8], values(640, 2)))]
  const logits = g.Gemm(g.Gather(table, ids), table, { transB: 1 })
  g.node('Gemm', [logits, v, g.constant('b', float32([8], values(8, 3)))], { outputs: ['y'] })
  graph.outputs = ['y']
  return graph
}

const rounded = (data: Tensor): Tensor =>
  float32(data.dims, float16ToFloat32(float32ToFloat16(Float32Array.from(toFloat32(data)))))
const w = float32([80, 64], values(5120, 1))
const feeds = { ids: of('int64', [3], [0, 7, 79]) }

it('large matrices are held in float16, and each reader but a lookup converts its own', async () => {
  const graph = float16Matrices(graphOf(w))
  expect([...graph.initializers].map(([name, { dtype }]) => `${name} ${dtype}`).sort()).toEqual([
    'b float32',
    'v float32',
    'w.float16 float16',
  ])
  const [of16, of32] = [await run(graph, feeds), await run(graphOf(rounded(w)), feeds)]
  expect(of16.get('y')?.data).toEqual(of32.get('y')?.data)
  expect(count(graph, 'Cast')).toBe(2)
  // The lookup gathers before it converts.
  expect(graph.nodes[0]?.opType).toBe('Gather')
})

it('a product and its gradient convert the matrix each for itself', () => {
  const graph = createGraph('graph')
  const g = build(graph)
  const x = addInput(graph, 'x', 'float32', ['rows', 64])
  const matrix = addInitializer(graph, 'w', w)
  graph.outputs = [g.Gemm(g.Gemm(x, matrix, { transB: 1 }), matrix).name]
  expect(count(float16Matrices(graph), 'Cast')).toBe(2)
})

it('a matrix beyond float16 stays, and so does a small one', () => {
  const wide = [1e6, 65520, -65520].map((value) => float32([80, 64], values(5120, 1).with(17, value)))
  for (const data of [...wide, float32([4, 4], values(16, 1))]) {
    const graph = createGraph('graph')
    graph.outputs = [build(graph).Identity(addInitializer(graph, 'w', data)).name]
    expect(float16Matrices(graph)).toBe(graph)
  }
  for (const value of [Number.NEGATIVE_INFINITY, Number.NaN, -65519.99]) {
    const data = float32([80, 64], values(5120, 1).with(17, value))
    expect(float16Matrices(graphOf(data)).initializers.has('w.float16')).toBe(true)
  }
})
