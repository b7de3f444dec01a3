// Integers moved from int64 to int32 and from the host to the device: the same numbers.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addInput,
  build,
  type Builder,
  createGraph,
  dataTypes,
  deviceIntegers,
  type Graph,
  type Tensor,
  toNumbers,
  type Value,
} from '../../src/index.ts'
import { of, run } from '../support/run.ts'

const [bool, int64, float] = [dataTypes.bool.onnx, dataTypes.int64.onnx, dataTypes.float32.onnx]

/** A graph of token ids and a mask, int64 [batch, sequence]; true tokens are 1 in the mask. */
function graphOf(make: (g: Builder, ids: Value, mask: Value) => Value[]): Graph {
  const graph = createGraph('graph')
  const [ids, mask] = ['ids', 'mask'].map((name) => addInput(graph, name, 'int64', ['batch', 'sequence']))
  graph.outputs = make(build(graph), ids as Value, mask as Value).map(({ name }) => name)
  return graph
}

const feeds: Record<string, Tensor> = {
  ids: of('int64', [2, 4], [5, 6, 7, 1, 8, 1, 1, 1]),
  mask: of('int64', [2, 4], [1, 1, 1, 0, 1, 0, 0, 0]),
}

/** The rewritten graph, after both have been run and compared. */
async function rewritten(graph: Graph): Promise<Graph> {
  const result = deviceIntegers(graph)
  const int32 = Object.fromEntries(
    Object.entries(feeds).map(([name, data]) => [name, of('int32', data.dims, toNumbers(data))]),
  )
  const [before, after] = [await run(graph, feeds), await run(result, int32)]
  for (const [name, { dims, data }] of before) {
    expect(after.get(name)?.dims, name).toEqual(dims)
    expect(after.get(name)?.data, name).toEqual(data)
    expect(result.values.get(name)?.dtype).toBe(graph.values.get(name)?.dtype)
  }
  return result
}

/** Operators that write int64, and what they write. */
const int64Nodes = ({ nodes, values }: Graph): string[] =>
  nodes.filter(({ outputs }) => values.get(outputs[0] as string)?.dtype === 'int64').map(({ opType }) => opType)
const operators = ({ nodes }: Graph): string[] => nodes.map(({ opType }) => opType)

/** A dimension of a value as a scalar, as exporters write it. */
const size = (g: Builder, x: Value, axis: number): Value => g.Gather(g.Shape(x), g.scalar(axis, 'int64'))
/** 0, 1, ... along one axis of four. */
function positions(g: Builder, count: Value, axis: number): Value {
  const range = g.Range(g.scalar(0, 'int64'), count, g.scalar(1, 'int64'))
  return g.Unsqueeze(range, g.int64([0, 1, 2, 3].filter((other) => other !== axis)))
}
/** The mask as numbers to add to attention's scores. */
const additive = (g: Builder, allowed: Value): Value => g.Where(allowed, g.scalar(0), g.scalar(-1e9))

describe('the mask of a vectorized program', () => {
  it('read by flat indices (TorchScript) is a view', async () => {
    const graph = await rewritten(
      graphOf((g, ids, mask) => {
        const [rows, keys] = [positions(g, size(g, ids, 0), 0), positions(g, size(g, ids, 1), 3)]
        const queries = positions(g, size(g, ids, 1), 2)
        const real = g.Cast(mask, { to: bool })
        const found = g.Gather(g.Flatten(real, { axis: 2 }), g.Add(keys, g.Mul(rows, size(g, mask, 1))))
        const always = g.And(g.constant('true', of('bool', [], [1])), g.GreaterOrEqual(queries, g.scalar(0, 'int64')))
        const allowed = g.And(always, g.Squeeze(found, g.int64([4])))
        const all = [size(g, ids, 0), size(g, ids, 1), size(g, ids, 1)].map((dim) => g.Unsqueeze(dim, g.int64([0])))
        const target = g.Concat(all[0] as Value, g.int64([-1]), all[1] as Value, all[2] as Value, { axis: 0 })
        const one = g.ConstantOfShape(g.Shape(target), { value: of('int64', [1], [1]) })
        const isOpen = g.Equal(target, g.Mul(one, g.scalar(-1, 'int64')))
        return [additive(g, g.Expand(allowed, g.Where(isOpen, one, target)))]
      }),
    )
    // WebGPU squeezes numbers only.
    const squeezed = ['Cast', 'Squeeze', 'Cast']
    expect(operators(graph)).toEqual(
      ['Cast', 'Unsqueeze', squeezed, 'Shape', 'Shape', 'Concat', 'Expand', 'Where'].flat(),
    )
  })
  it('read by coordinates (dynamo) is a view', async () => {
    const graph = await rewritten(
      graphOf((g, ids, mask) => {
        const [rows, keys] = [positions(g, size(g, ids, 0), 0), positions(g, size(g, ids, 1), 3)]
        const shape = g.Shape(g.Max(rows, keys))
        const last = (x: Value) => g.Unsqueeze(g.Expand(x, shape), g.int64([-1]))
        const found = g.GatherND(g.Cast(mask, { to: bool }), g.Concat(last(rows), last(keys), { axis: -1 }))
        return [additive(g, found)]
      }),
    )
    expect(operators(graph)).toEqual(['Cast', 'Unsqueeze', 'Where'])
  })
  it('read in another order stays a selection', async () => {
    const graph = await rewritten(
      graphOf((g, ids, mask) => {
        const rows = positions(g, size(g, ids, 0), 0)
        const keys = g.Sub(g.Sub(size(g, ids, 1), g.scalar(1, 'int64')), positions(g, size(g, ids, 1), 3))
        return [
          additive(
            g,
            g.Gather(g.Reshape(g.Cast(mask, { to: bool }), g.int64([-1])), g.Add(keys, g.Mul(rows, size(g, ids, 1)))),
          ),
        ]
      }),
    )
    expect(operators(graph)).toContain('Gather')
    expect(int64Nodes(graph)).toEqual([])
  })
  it('with a causal one', async () => {
    const graph = await rewritten(
      graphOf((g, ids, mask) => {
        const [queries, keys] = [2, 3].map((axis) => positions(g, size(g, ids, 1), axis)) as [Value, Value]
        const real = g.Unsqueeze(g.Cast(mask, { to: bool }), g.int64([1, 2]))
        return [additive(g, g.And(g.LessOrEqual(keys, queries), real))]
      }),
    )
    expect(int64Nodes(graph)).toEqual([])
  })
})

it('the shape of an Expand that torch writes is known: -1 in it stands for 1', () => {
  const graph = graphOf((g, ids) => {
    const target = g.Concat(g.Shape(ids), g.int64([-1]), { axis: 0 })
    const ones = g.ConstantOfShape(g.Shape(target), { value: of('int64', [1], [1]) })
    const isOpen = g.Equal(target, g.Mul(ones, g.scalar(-1, 'int64')))
    return [g.Expand(g.scalar(0), g.Where(isOpen, ones, target))]
  })
  expect(graph.values.get(graph.outputs[0] as string)?.shape).toEqual(['batch', 'sequence', 1])
})

it('content is a list: what two matrices broadcast to has none', () => {
  const graph = graphOf((g) => {
    const range = (axis: number) => g.Unsqueeze(g.int64([0, 1, 2]), g.int64([axis]))
    return [g.Add(range(0), range(1)), g.Equal(range(0), range(1)), g.Add(range(0), g.scalar(1, 'int64'))]
  })
  expect(graph.outputs.map((name) => graph.values.get(name)?.content)).toEqual([undefined, undefined, [1, 2, 3]])
})

describe('position and token type ids', () => {
  it('of a buffer of positions', async () => {
    const graph = await rewritten(
      graphOf((g, ids) => {
        const buffer = g.constant('position_ids', of('int64', [1, 32], [...Array(32).keys()]))
        const types = g.constant('token_type_ids', of('int64', [1, 32], Array(32).fill(0)))
        const length = g.Unsqueeze(size(g, ids, 1), g.int64([0]))
        const at = g.Slice(buffer, g.int64([0]), length, g.int64([1]), g.int64([1]))
        const zeros = g.Expand(g.GatherElements(types, at, { axis: 1 }), g.Shape(ids))
        const table = g.constant('table', of('float32', [32, 2], [...Array(64).keys()]))
        return [g.Gather(table, at), g.Gather(table, zeros)]
      }),
    )
    expect(int64Nodes(graph)).toEqual([])
    expect(operators(graph)).not.toContain('Slice')
  })
  it('counted from the tokens that are not padding (RoBERTa)', async () => {
    const graph = await rewritten(
      graphOf((g, ids) => {
        const real = g.Cast(g.Not(g.Equal(ids, g.scalar(1, 'int64'))), { to: int64 })
        const at = g.Add(g.Mul(g.CumSum(real, g.scalar(1, 'int64')), real), g.scalar(1, 'int64'))
        return [g.Gather(g.constant('table', of('float32', [32, 2], [...Array(64).keys()])), at), at]
      }),
    )
    // The second output.
    expect(int64Nodes(graph)).toEqual(['Cast'])
  })
})

it('numbers beyond int32 stay the greatest and the least', async () => {
  const graph = await rewritten(
    graphOf((g, ids, mask) => {
      const [least, greatest] = [-(2 ** 63), 2 ** 63].map((number) => g.scalar(number, 'int64')) as [Value, Value]
      const real = g.Cast(mask, { to: bool })
      const first = g.ReduceMin(g.Where(real, ids, greatest), g.int64([1]))
      const last = g.ReduceMax(g.Where(real, ids, least), g.int64([1]))
      return [first, last].map((value) => g.Cast(value, { to: float }))
    }),
  )
  expect(int64Nodes(graph)).toEqual([])
})

it('a Reshape whose axes keep their places reads a constant, not a shape on the host', async () => {
  const graph = await rewritten(
    graphOf((g, ids, mask) => {
      const grid = g.Unsqueeze(g.Cast(mask, { to: bool }), g.int64([1, 3]))
      const target = g.Concat(g.Shape(ids, { end: 1 }), g.int64([1]), g.Shape(ids, { start: 1 }), { axis: 0 })
      return [additive(g, g.Reshape(grid, target))]
    }),
  )
  expect(int64Nodes(graph)).toEqual([])
})

it('what depends on the size of a cache, which is empty at first, stays on the host', async () => {
  const graph = graphOf((g, ids) => {
    const cache = addInput(g.graph, 'cache', 'float32', ['batch', 'past'])
    const at = g.Add(positions(g, size(g, ids, 1), 3), size(g, cache, 1))
    return [g.Gather(g.constant('table', of('float32', [32, 2], [...Array(64).keys()])), at)]
  })
  const before = await run(graph, { ...feeds, cache: of('float32', [2, 0], []) })
  const int32 = of('int32', [2, 4], Array(8).fill(1))
  const after = await run(deviceIntegers(graph), { ids: int32, mask: int32, cache: of('float32', [2, 0], []) })
  expect(after).toEqual(before)
  expect(operators(deviceIntegers(graph))).not.toContain('ReduceSum')
})

it('what has no other form stays in int64, and outputs keep their types', async () => {
  const graph = await rewritten(
    graphOf((g, ids) => [
      g.Shape(ids),
      g.Add(ids, g.scalar(2, 'int64')),
      g.ArgMax(g.Cast(ids, { to: float }), { axis: 1 }),
      g.Range(g.scalar(0, 'int64'), g.ReduceMax(ids, { keepdims: 0 }), g.scalar(2, 'int64')),
    ]),
  )
  expect(graph.inputs.map((name) => graph.values.get(name)?.dtype)).toEqual(['int32', 'int32'])
})

/** A random expression over the integers before it: an operator, which values it reads, and numbers. */
const step = fc.record({
  op: fc.constantFrom(
    'Add',
    'Sub',
    'Mul',
    'Where',
    'Gather',
    'GatherElements',
    'Slice',
    'Expand',
    'Transpose',
    'CumSum',
    'Max',
    'Neg',
    'Concat',
  ),
  a: fc.nat(),
  b: fc.nat(),
  n: fc.integer({ min: -3, max: 3 }),
})

it('random integer expressions keep their numbers', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
      const graph = graphOf((g, ids, mask) => {
        const sequence = g.Range(g.scalar(0, 'int64'), size(g, ids, 1), g.scalar(1, 'int64'))
        const table = g.constant('table', of('int64', [1, 4], [3, 2, 1, 0]))
        // All of them are or broadcast to [batch, sequence].
        const pool = [ids, mask, g.Unsqueeze(sequence, g.int64([0])), table]
        for (const { op, a, b, n } of steps)
          pool.push(...expression(g, op, pool[a % pool.length] as Value, pool[b % pool.length] as Value, n))
        return pool.slice(4)
      })
      await rewritten(graph)
    }),
    { numRuns: 60, seed: 13 },
  )
})

function expression(g: Builder, op: string, x: Value, y: Value, n: number): Value[] {
  const number = g.scalar(n, 'int64')
  const inside = g.Max(g.Min(y, g.scalar(3, 'int64')), g.scalar(0, 'int64'))
  const all: Record<string, () => Value> = {
    Add: () => g.Add(x, y),
    Sub: () => g.Sub(x, number),
    Mul: () => g.Mul(x, number),
    Max: () => g.Max(x, y),
    Neg: () => g.Neg(x),
    Where: () => g.Where(g.Greater(x, number), x, y),
    Gather: () => g.Unsqueeze(g.Squeeze(g.Gather(x, g.int64([0])), g.int64([0])), g.int64([0])),
    GatherElements: () =>
      g.GatherElements(
        g.Add(x, g.Mul(y, g.scalar(0, 'int64'))),
        g.Min(inside, g.Add(inside, g.Mul(x, g.scalar(0, 'int64')))),
        { axis: 1 },
      ),
    Slice: () =>
      g.Concat(
        g.Slice(x, g.int64([1]), g.int64([2 ** 31 - 1]), g.int64([1])),
        g.Slice(x, g.int64([0]), g.int64([1]), g.int64([1])),
        { axis: 1 },
      ),
    Expand: () => g.Expand(x, g.Shape(g.graph.values.get('ids') as Value)),
    Transpose: () => g.Transpose(g.Transpose(x, { perm: [1, 0] }), { perm: [1, 0] }),
    CumSum: () => g.CumSum(x, g.scalar(1, 'int64')),
    Concat: () => g.Slice(g.Concat(x, x, { axis: 1 }), g.int64([2]), g.int64([6]), g.int64([1])),
  }
  return [(all[op] as () => Value)()]
}
