import { describe, expect, it } from 'vitest'
import { addInput, build, checkTypes, createGraph, lower, toFloat32 } from '../../src/index.ts'
import { of, run } from '../support/run.ts'

describe('constants', () => {
  it.each(['float16', 'bfloat16', 'float32', 'float64', 'int32', 'int64', 'uint64'] as const)(
    'of %s hold the number',
    (dtype) => {
      const graph = createGraph('scalars')
      const data = graph.initializers.get(build(graph).scalar(2, dtype).name)
      expect(data?.dtype).toBe(dtype)
      expect([...toFloat32(data as never)]).toEqual([2])
    },
  )
  it('have the type of the other operand, also in lowered operators', async () => {
    const graph = createGraph('half')
    const g = build(graph)
    const x = g.Cast(addInput(graph, 'x', 'float32', [3]), { to: 10 })
    const sum = [g.Sign(x), g.Swish(x), g.LogSoftmax(x), g.Sin(x), g.Cos(x)].reduce((a, b) => g.Add(a, b))
    g.node('Cast', [sum], { attributes: { to: 1 }, outputs: ['y'] })
    graph.outputs = ['y']
    const lowered = lower(graph)
    checkTypes(lowered)
    const given = [1, -0.5, 0.25]
    const total = Math.log(given.reduce((all, v) => all + Math.exp(v), 0))
    const expected = given.map((v) => Math.sign(v) + v / (1 + Math.exp(-v)) + v - total + Math.sin(v) + Math.cos(v))
    expect((await run(lowered, { x: of('float32', [3], given) })).get('y')?.data ?? []).toBeAllclose(expected, {
      atol: 5e-3,
    })
  })
})
