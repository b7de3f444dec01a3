import { describe, expect, it } from 'vitest'
import { foldReshapes, type Graph } from '../../src/index.ts'
import { graphOf, sameNumbers, values } from '../support/rewrites.ts'
import { of } from '../support/run.ts'

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
