// GroupQueryAttention with several new tokens after pasts of several lengths: each text as the runtime's kernel computes
// it alone, because the kernel takes one text at a time there.

import { describe, expect, it } from 'vitest'
import {
  addInput,
  build,
  createGraph,
  getValue,
  type Graph,
  lower,
  type Node,
  prune,
  type Tensor,
} from '../../../src/index.ts'
import { decompose } from '../../../src/rewrite/decompose.ts'
import { of, run } from '../../support/run.ts'
import { Draw } from './sweep.ts'

const size = 16

/** Texts with a past each, in a cache that has place to spare or not. */
function texts(draw: Draw) {
  const [batch, added, groups, repeats] = [draw.int(2, 3), draw.int(2, 4), draw.int(1, 2), draw.int(1, 2)]
  const earlier = Array.from({ length: batch }, () => draw.int(1, 5))
  const slots = Math.max(...earlier) + (draw.flag() ? added + 2 : 0)
  const floats = (...dims: number[]) => of('float32', dims, draw.floats(dims.reduce((a, b) => a * b, 1)))
  const width = (2 * groups + groups * repeats) * size
  const [x, keys, values] = [floats(batch, added, width), ...[0, 1].map(() => floats(batch, groups, slots, size))]
  const attributes = { num_heads: groups * repeats, kv_num_heads: groups, do_rotary: draw.int(0, 1) }
  const window = draw.flag() ? { local_window_size: draw.int(1, 4) } : {}
  const tables = attributes.do_rotary ? { cos: floats(16, size / 2), sin: floats(16, size / 2) } : {}
  const last = earlier.map((count) => count + added - 1)
  return { x, keys, values, last, tables, attributes: { ...attributes, ...window } } as {
    [Name in 'x' | 'keys' | 'values']: Tensor
  } & { last: number[]; tables: Record<string, Tensor>; attributes: Record<string, number> }
}

type Texts = ReturnType<typeof texts>

/** What the operator reads for some texts, whose longest has `total` tokens. */
function feedsOf({ x, keys, values, last, tables }: Texts): Record<string, Tensor> {
  const lengths = { last: of('int32', [last.length], last), total: of('int32', [1], [Math.max(...last) + 1]) }
  return { x, keys, values, ...lengths, ...tables }
}

/** One text of the batch. */
function alone(batch: Texts, row: number): Texts {
  const part = ({ dims, ...rest }: Tensor): Tensor => {
    const stride = dims.slice(1).reduce((a, b) => a * b, 4)
    const own: Tensor = { ...rest, dims: [1, ...dims.slice(1)] }
    return { ...own, bytes: () => rest.bytes().subarray(row * stride, (row + 1) * stride) }
  }
  const { x, keys, values, last } = batch
  return { ...batch, x: part(x), keys: part(keys), values: part(values), last: [last[row] as number] }
}

function graphOf(feeds: Record<string, Tensor>): Graph {
  const graph = createGraph('texts')
  for (const [name, { dtype, dims }] of Object.entries(feeds)) addInput(graph, name, dtype, dims)
  graph.outputs = ['y', 'present_keys', 'present_values']
  return graph
}

const nodeOf = ({ attributes, tables }: Texts): Node => ({
  name: 'attention',
  opType: 'GroupQueryAttention',
  domain: 'com.microsoft',
  inputs: ['x', '', '', 'keys', 'values', 'last', 'total', ...Object.keys(tables)],
  outputs: ['y', 'present_keys', 'present_values'],
  attributes,
  attributeTypes: Object.fromEntries(Object.keys(attributes).map((name) => [name, 'int'])),
})

describe('several new tokens of several texts', () => {
  it('12 forms', async () => {
    for (let seed = 0; seed < 12; seed++) {
      const batch = texts(new Draw(seed))
      const feeds = feedsOf(batch)
      const decomposed = graphOf(feeds)
      expect(decompose(build(decomposed), nodeOf(batch))).toBe(true)
      const runnable = lower(decomposed)
      prune(runnable)
      const actual = (await run(runnable, feeds)).get('y')?.data ?? []
      for (const row of batch.last.keys()) {
        const one = alone(batch, row)
        const fused = graphOf(feedsOf(one))
        fused.nodes.push(nodeOf(one))
        for (const name of fused.outputs) {
          const value = getValue(decomposed, name)
          fused.values.set(name, { ...value, shape: value.shape.map((_, axis) => `${name}_${axis}`) })
        }
        const expected = (await run(fused, feedsOf(one))).get('y')?.data ?? [Number.NaN]
        const own = actual.slice(row * expected.length, (row + 1) * expected.length)
        expect(own, `seed ${seed}, text ${row}`).toBeAllclose(expected, { atol: 1e-5, rtol: 1e-4 })
      }
    }
  })
})
