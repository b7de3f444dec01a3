import { random } from '@cola/data'
import {
  addInitializer,
  addInput,
  build,
  type Builder,
  createGraph,
  elementCount,
  float32,
  type Graph,
} from '@cola/graph'
import { describe, expect, it } from 'vitest'
import { optimizerGraph } from '../../src/artifacts/optimizer-graph.ts'
import { adam, adamw, openSession, type Optimizer, OrtTensor, sgd } from '../../src/index.ts'
import { partSize } from '../../src/runtime/elementwise/encode-loops.ts'
import { openElementwise } from '../../src/runtime/elementwise/open-elementwise.ts'

const stream = random(3, 'elementwise')
const normals = (size: number) => Float32Array.from({ length: size }, () => stream.normal())

/** Outputs `X.out` replace inputs `X`. */
const replacedBy = ({ outputs }: Graph) => new Map(outputs.map((name) => [name, name.replace(/\.out$/, '')]))

/** Outputs from the same inputs, here and by the runtime's kernels. */
async function bothWays(graph: Graph): Promise<[string, Float32Array, Float32Array][]> {
  const given = Object.fromEntries(
    graph.inputs.map((name) => {
      const dims = graph.values.get(name)?.shape as number[]
      // Second moments are not negative.
      const data = normals(elementCount(dims)).map((value) => (name.endsWith('_sq') ? value ** 2 : value))
      return [name, new OrtTensor('float32', data, dims)] as const
    }),
  )
  const session = await openSession({ graph }, 'cpu')
  const expected = await session.run(given)
  await session.release()
  const run = await openElementwise(graph, replacedBy(graph))
  const arrays = Object.fromEntries(Object.entries(given).map(([name, { data }]) => [name, data as Float32Array]))
  run?.(arrays, Object.fromEntries(Object.entries(arrays).map(([name, [value = 0]]) => [name, value])))
  return graph.outputs.map((name) => [
    name,
    run ? (arrays[name.replace(/\.out$/, '')] as Float32Array) : new Float32Array(),
    expected[name]?.data as Float32Array,
  ])
}

const blocks = [[5, 7], [3], [partSize], [2, partSize + 3], [1]].map((dims, i) => ({
  name: `w${i}`,
  dims,
  parts: [{ name: `w${i}`, dims }],
}))
const shared = {
  name: 'shared',
  dims: [10],
  parts: [
    { name: 'a', dims: [2, 3] },
    { name: 'b', dims: [4] },
  ],
}
const groups = [
  { params: ['a', 'w0'], lr_scale: 3, weight_decay: 0.2 },
  { params: ['w2'], weight_decay: 0 },
]

describe('optimizers compute what the runtime computes', () => {
  const same: Record<string, Optimizer> = {
    adam: adam(),
    'adam with an L2 penalty and groups': adam({ weight_decay: 0.1, groups, betas: [0.8, 0.9], eps: 1e-5 }),
    adamw: adamw(),
    'adamw with groups': adamw({ weight_decay: 0.1, groups }),
    sgd: sgd(),
    'sgd with momentum': sgd({ momentum: 0.9, weight_decay: 0.1 }),
    'sgd with Nesterov momentum and groups': sgd({ momentum: 0.9, nesterov: true, groups }),
  }
  it.each(Object.entries(same))('%s, to the last bit', async (_, optimizer) => {
    for (const [name, found, expected] of await bothWays(optimizerGraph([...blocks, shared], optimizer).graph)) {
      expect(found, name).toEqual(expected)
      expect(found.every(Number.isFinite)).toBe(true)
    }
  })
  it.each([
    ['adam', adam({ max_grad_norm: 0.5 })],
    ['adamw', adamw({ max_grad_norm: 100, groups })],
    ['sgd', sgd({ max_grad_norm: 1e6, momentum: 0.5 })],
  ])('%s with clipping: the norm is summed in another order', async (_, optimizer) => {
    for (const [name, found, expected] of await bothWays(optimizerGraph([...blocks, shared], optimizer).graph)) {
      expect(found).toHaveLength(expected.length)
      const errors = expected.map((value, i) => Math.abs((found[i] as number) - value) / Math.max(1, Math.abs(value)))
      expect(Math.max(...errors), name).toBeLessThan(2e-6)
    }
  })
})

/** A graph whose output replaces its input x. */
function graphOf(dims: readonly number[], make: (g: Builder, graph: Graph) => { name: string }): Graph {
  const graph = createGraph('elementwise')
  addInput(graph, 'x', 'float32', dims)
  const { name } = make(build(graph), graph)
  build(graph).node('Identity', [graph.values.get(name) as never], { outputs: ['x.out'] })
  graph.outputs = ['x.out']
  return graph
}

it('every operator, with numbers on either side, as the runtime computes it', async () => {
  const graph = graphOf([partSize + 5], (g, graph) => {
    const x = graph.values.get('x') as never
    const y = addInput(graph, 'y', 'float32', [partSize + 5])
    const number = addInput(graph, 'number', 'float32', [])
    const table = addInitializer(graph, 'table', float32([partSize + 5], normals(partSize + 5)))
    const numbers = g.Sqrt(g.Abs(g.Max(g.Min(number, g.scalar(0.5)), g.Neg(g.Div(g.scalar(2), number)))))
    const elements = g.Max(g.Min(g.Sub(numbers, x), y), g.Neg(g.Div(y, number)))
    return g.Add(g.Mul(g.Sqrt(g.Abs(elements)), table), g.Sub(y, g.Div(numbers, x)))
  })
  for (const [, found, expected] of await bothWays(graph)) expect(found).toEqual(expected)
})

it.each([1, 3, 4, 6, partSize - 1, partSize + 1, 3 * partSize + 2])('a sum of squares of %i elements', async (size) => {
  const graph = graphOf([size], (g, graph) => {
    const x = graph.values.get('x') as never
    return g.Mul(x, g.Sqrt(g.ReduceSumSquare(g.Add(x, g.scalar(1)), { keepdims: 0 })))
  })
  const run = await openElementwise(graph, replacedBy(graph))
  const x = normals(size)
  const norm = Math.sqrt(x.reduce((sum, value) => sum + (value + 1) ** 2, 0))
  const expected = x.map((value) => value * norm)
  run?.({ x }, {})
  for (const [i, value] of x.entries()) expect(value / (expected[i] as number)).toBeCloseTo(1, 5)
})

it('arrays that two outputs share are read before either is written', async () => {
  const graph = createGraph('swap')
  const g = build(graph)
  const [a, b] = [addInput(graph, 'a', 'float32', [9]), addInput(graph, 'b', 'float32', [9])] as const
  g.node('Identity', [b], { outputs: ['a.out'] })
  g.node('Identity', [a], { outputs: ['b.out'] })
  graph.outputs = ['a.out', 'b.out']
  const arrays = { a: normals(9), b: normals(9) }
  const before = { a: arrays.a.slice(), b: arrays.b.slice() }
  ;(await openElementwise(graph, replacedBy(graph)))?.(arrays, {})
  expect(arrays).toEqual({ a: before.b, b: before.a })
})

it.each<[string, readonly number[], (g: Builder, graph: Graph) => { name: string }]>([
  ['another operator', [4, 4], (g, { values }) => g.MatMul(values.get('x') as never, values.get('x') as never)],
  [
    'a broadcast array',
    [2, 4],
    (g, { values }) => g.Add(values.get('x') as never, g.constant('c', float32([4], [1, 2, 3, 4]))),
  ],
  [
    'a sum along an axis',
    [2, 4],
    (g, { values }) =>
      g.Mul(values.get('x') as never, g.ReduceSumSquare(values.get('x') as never, g.int64([1]), { keepdims: 1 })),
  ],
  ['a parameter of rank 0', [], (g, { values }) => g.Neg(values.get('x') as never)],
  ['an unknown size', ['n'] as never, (g, { values }) => g.Neg(values.get('x') as never)],
])('%s is left to the runtime', async (_, dims, make) => {
  const graph = graphOf(dims, make)
  expect(await openElementwise(graph, replacedBy(graph))).toBeUndefined()
})
