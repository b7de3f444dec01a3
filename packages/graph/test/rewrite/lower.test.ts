import { describe, expect, it } from 'vitest'
import { addInput, build, createGraph, float32, lower } from '../../src/index.ts'
import { run } from '../support/run.ts'

describe('lower', () => {
  it.each([
    ['Sin', Math.sin],
    ['Cos', Math.cos],
  ] as const)('%s is as exact as float32 for angles of any position', async (opType, exact) => {
    const graph = createGraph('angles')
    graph.outputs = [build(graph)[opType](addInput(graph, 'x', 'float32', ['n'])).name]
    const angles = Float32Array.from({ length: 4001 }, (_, i) => (i < 2001 ? (i - 1000) / 100 : 4.097 * (i - 3000)))
    const lowered = lower(graph)
    expect(lowered.nodes.some((node) => node.opType === opType)).toBe(false)
    const { data } = (await run(lowered, { x: float32([angles.length], angles) })).get(graph.outputs[0] as string) ?? {
      data: [],
    }
    expect(Math.max(...data.map((value, i) => Math.abs(value - exact(angles[i] as number))))).toBeLessThan(3e-7)
  })
})
