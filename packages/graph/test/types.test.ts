// Element types inside graphs: constants of any type, shared matrices in fewer bits, and what has no code in them.

import { describe, expect, it } from 'vitest'
import {
  addInitializer,
  addInput,
  build,
  checkTypes,
  createGraph,
  float32,
  type Graph,
  lower,
  storeWeights,
  toFloat32,
  type WeightType,
} from '../src/index.ts'
import { of, run } from './run.ts'

const numbers = (count: number, salt: number): number[] =>
  Array.from({ length: count }, (_, i) => Math.sin(1.7 * i + salt))

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

describe('matrices in fewer bits', () => {
  const size = 64
  const feeds = { x: of('float32', [3, size], numbers(3 * size, 1)), ids: of('int64', [3], [1, 5, 63]) }
  /** One matrix, looked up if asked for, and multiplied with both ways round. */
  function shared(lookedUp: boolean): Graph {
    const graph = createGraph('shared')
    const g = build(graph)
    const x = addInput(graph, 'x', 'float32', ['rows', size])
    const ids = addInput(graph, 'ids', 'int64', ['rows'])
    const w = addInitializer(graph, 'w', float32([size, size], numbers(size * size, 2)))
    const hidden = lookedUp ? g.Add(x, g.Gather(w, ids)) : x
    const there = g.Gemm(hidden, w, { transB: 1 })
    g.node('Gemm', [g.Tanh(there), w], { outputs: ['y'] })
    graph.outputs = ['y']
    return graph
  }
  const largest = (values: readonly number[]): number => Math.max(...values.map(Math.abs))

  it.each([
    ['float16', false, 2e-3],
    ['int8', false, 2e-2],
    ['int4', false, 0.2],
    ['float16', true, 2e-3],
    ['int8', true, 2e-2],
    ['int4', true, 2e-2],
  ] as [WeightType, boolean, number][])(
    '%s: one that is read both ways round (looked up too: %s) is itself in both',
    async (type, lookedUp, tolerance) => {
      const graph = shared(lookedUp)
      const stored = storeWeights(graph, type)
      checkTypes(stored)
      const [expected, actual] = (await Promise.all([graph, stored].map((one) => run(one, feeds)))).map(
        (results) => results.get('y')?.data ?? [],
      )
      const differences = (expected as number[]).map((value, i) => value - ((actual as number[])[i] as number))
      expect(largest(differences) / largest(expected as number[])).toBeLessThan(tolerance)
      expect(stored.initializers.has('w')).toBe(false)
    },
  )

  it.each(['float16', 'int8', 'int4'] as const)('%s: a mask without a code stays in float32', async (type) => {
    for (const least of [Number.NEGATIVE_INFINITY, -3.4028234663852886e38]) {
      const graph = createGraph('masked')
      const x = addInput(graph, 'x', 'float32', [size, size])
      const mask = Float32Array.from({ length: size * size }, (_, i) => (i % size > Math.floor(i / size) ? least : 0))
      build(graph).node('Softmax', [build(graph).Add(x, addInitializer(graph, 'mask', float32([size, size], mask)))], {
        outputs: ['y'],
      })
      graph.outputs = ['y']
      const given = { x: of('float32', [size, size], numbers(size * size, 3)) }
      const stored = storeWeights(graph, type)
      checkTypes(stored)
      expect((await run(stored, given)).get('y')?.data ?? []).toBeAllclose(
        (await run(graph, given)).get('y')?.data ?? [],
        { atol: 1e-6 },
      )
    }
  })

  it('float16: infinity stays infinity; a matrix with a number that would overflow stays in float32', () => {
    const infinite = new Float32Array(4096).fill(Number.NEGATIVE_INFINITY)
    const large = new Float32Array(4096).fill(65520)
    const graph = createGraph('both')
    const g = build(graph)
    const x = addInput(graph, 'x', 'float32', [64, 64])
    g.node(
      'Add',
      [
        g.Add(x, addInitializer(graph, 'infinite', float32([64, 64], infinite))),
        addInitializer(graph, 'large', float32([64, 64], large)),
      ],
      {
        outputs: ['y'],
      },
    )
    graph.outputs = ['y']
    const { initializers } = storeWeights(graph, 'float16')
    expect([...initializers.keys()]).toEqual(['large', 'infinite.float16'])
    expect(toFloat32(initializers.get('infinite.float16') as never)[0]).toBe(Number.NEGATIVE_INFINITY)
  })
})
