import { describe, expect, it } from 'vitest'
import { dataTypes, joinShapes } from '../../src/index.ts'
import { graphOf, sameNumbers, values } from '../support/rewrites.ts'
import { of } from '../support/run.ts'

describe('joinShapes', () => {
  const feeds = { x: of('float32', [2, 3, 4], values(24, 1)) }

  it('reads one shape of values that have the same, of the one that is there first', async () => {
    const graph = await sameNumbers(
      graphOf((g, x) => {
        const [a, b] = [g.Relu(x), g.Exp(x)]
        const row = g.ReduceSum(b, g.int64([0]), { keepdims: 0 })
        return [g.Expand(row, g.Shape(b)), g.Expand(g.Neg(row), g.Shape(a)), g.Relu(g.Exp(row))]
      }),
      joinShapes,
      feeds,
    )
    const shapes = graph.nodes.filter(({ opType }) => opType === 'Shape')
    expect(shapes.map(({ inputs }) => inputs)).toEqual([['x']])
  })

  it('keeps shapes that differ in their sizes, their range, or are outputs of the graph', async () => {
    const graph = await sameNumbers(
      graphOf((g, x) => {
        const turned = g.Transpose(x, { perm: [1, 0, 2] })
        return [
          g.Shape(x),
          g.Shape(g.Relu(x)),
          g.Shape(turned),
          g.Shape(turned, { start: 0, end: 1 }),
          g.Shape(turned, { start: 1 }),
        ]
      }),
      joinShapes,
      feeds,
    )
    expect(graph.nodes.filter(({ opType }) => opType === 'Shape').length).toBe(5)
  })

  it('reads a value of the type that was read: devices have no kernel for the shape of bytes', async () => {
    const graph = await sameNumbers(
      graphOf((g, x) => {
        const turned = g.Transpose(g.Greater(x, g.scalar(0)), { perm: [1, 0, 2] })
        const numbers = g.Cast(turned, { to: dataTypes.float32.onnx })
        return [g.Expand(g.scalar(1), g.Shape(g.Neg(numbers))), numbers]
      }),
      joinShapes,
      feeds,
    )
    expect(graph.nodes.filter(({ opType }) => opType === 'Shape').map(({ inputs }) => inputs)).toHaveLength(1)
    const [shape] = graph.nodes.filter(({ opType }) => opType === 'Shape')
    expect(graph.values.get(shape?.inputs[0] as string)?.dtype).toBe('float32')
  })
})
