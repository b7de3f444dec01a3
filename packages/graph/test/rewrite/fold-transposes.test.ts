import { describe, expect, it } from 'vitest'
import {
  addInput,
  build,
  type Builder,
  createGraph,
  differentiate,
  foldTransposes,
  prune,
  transposeMatrix,
  type Value,
} from '../../src/index.ts'
import { count, sameNumbers, values } from '../support/rewrites.ts'
import { of } from '../support/run.ts'

const feeds = { q: of('float64', [2, 3, 2, 4], values(48, 1)), k: of('float64', [2, 3, 2, 4], values(48, 2)) }

/** Gives the graph a loss of scores, and its gradients with respect to q and k, as outputs. */
function differentiateScores(g: Builder, scores: Value): void {
  const { graph } = g
  g.node('ReduceSum', [g.Mul(scores, g.Exp(scores))], { attributes: { keepdims: 0 }, outputs: ['loss'] })
  const gradients = differentiate(graph, { loss: 'loss', wrt: ['q', 'k'] })
  graph.outputs = ['loss', ...[...gradients.values()].map(({ name }) => name)]
  prune(graph)
}

describe('foldTransposes', () => {
  it('separates the swap of a factor’s permutation, which cancels in the gradient', async () => {
    const graph = createGraph('keys')
    const g = build(graph)
    const [q, k] = ['q', 'k'].map((name) => addInput(graph, name, 'float64', [2, 3, 2, 4])) as [Value, Value]
    const scores = g.MatMul(g.Transpose(q, { perm: [0, 2, 1, 3] }), g.Transpose(k, { perm: [0, 2, 3, 1] }))
    differentiateScores(g, scores)
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
    differentiateScores(g, scores)
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
