import { describe, expect, it } from 'vitest'
import {
  addInput,
  build,
  cachesOf,
  createGraph,
  decodeGraph,
  float32,
  type Graph,
  inferModel,
  lower,
  UnsupportedOperatorError,
  type Value,
  withoutCache,
  writeModel,
} from '../../src/index.ts'
import { of, run } from '../support/run.ts'
import { values } from '../support/rewrites.ts'

/**
 * A decoder's cache as Optimum writes it: keys are joined with those of the past, whose length shifts positions, and a
 * mask covers both.
 */
function exported(
  read: (g: ReturnType<typeof build>, past: Value, keys: Value) => Value,
  held = (_: ReturnType<typeof build>, past: Value): Value => past,
): Graph {
  const graph = createGraph('cached')
  const g = build(graph)
  const ids = addInput(graph, 'input_ids', 'int64', ['batch', 'sequence'])
  const mask = addInput(graph, 'attention_mask', 'int64', ['batch', 'past+sequence'])
  const past = held(g, addInput(graph, 'past_key_values.0.key', 'float32', ['batch', 2, 'past', 3]))
  const rows = g.Gather(g.constant('table', float32([5, 6], values(30, 1))), ids)
  const keys = g.Transpose(g.Reshape(rows, g.int64([0, 0, 2, 3])), { perm: [0, 2, 1, 3] })
  g.node('Identity', [read(g, past, keys)], { outputs: ['present.0.key'] })
  const start = g.Cast(g.Gather(g.Shape(past), g.int64([2])), { to: 1 })
  const visible = g.Unsqueeze(g.Unsqueeze(g.Cast(mask, { to: 1 }), g.int64([1])), g.int64([3]))
  const all = graph.values.get('present.0.key') as Value
  g.node('Add', [g.Mul(all, visible), start], { outputs: ['y'] })
  graph.outputs = ['y', 'present.0.key']
  return graph
}

const joined = (g: ReturnType<typeof build>, past: Value, keys: Value) => g.Concat(past, keys, { axis: 2 })

const ids = of('int64', [2, 3], [1, 4, 2, 3, 0, 0])
const mask = of('int64', [2, 3], [1, 1, 1, 1, 0, 0])

describe('a decoder without its cache', () => {
  const forms: [string, (g: ReturnType<typeof build>, past: Value) => Value][] = [
    ['itself', (_, past) => past],
    ['by a Concat of it alone', (g, past) => g.Concat(past, { axis: 2 })],
    ['by an Identity and a Cast', (g, past) => g.Cast(g.Identity(past), { to: 1 })],
  ]
  it.each(forms)('computes what the file does with an empty cache, which is read %s', async (_, held) => {
    const graph = exported(joined, held)
    expect(cachesOf(graph)).toEqual(['past_key_values.0.key'])
    const trained = lower(inferModel(withoutCache(decodeGraph(writeModel(graph)))))
    expect(trained.inputs).toEqual(['input_ids', 'attention_mask'])
    expect(trained.outputs).toEqual(['y'])
    expect(trained.values.get('attention_mask')?.shape).toEqual(['batch', 'sequence'])
    const empty = { 'past_key_values.0.key': of('float32', [2, 2, 0, 3], []) }
    const expected = await run(graph, { input_ids: ids, attention_mask: mask, ...empty })
    const actual = await run(trained, { input_ids: ids, attention_mask: mask })
    expect(actual.get('y')?.dims).toEqual(expected.get('y')?.dims)
    expect(actual.get('y')?.data ?? []).toBeAllclose(expected.get('y')?.data ?? [Number.NaN])
  })

  it('is refused where a cache is read in another way', () => {
    const graph = exported((g, past) => g.Neg(past))
    expect(() => withoutCache(graph)).toThrow(UnsupportedOperatorError)
    expect(() => withoutCache(graph)).toThrow(/Neg reads the cache "past_key_values.0.key"/)
  })

  it('is the graph itself where there is none', () => {
    const graph = createGraph('plain')
    addInput(graph, 'x', 'float32', ['batch', 4])
    expect(withoutCache(graph)).toBe(graph)
  })
})
