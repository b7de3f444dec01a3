// RMSNormalization of opsets 23 and 24 against the runtime's own kernel, over random forms: as it is lowered, and as
// exports have it.

import { describe, expect, it } from 'vitest'
import {
  addInitializer,
  addInput,
  createGraph,
  type Graph,
  lower,
  readModel,
  runtimeNormalizations,
  writeModel,
} from '../../src/index.ts'
import { of, run } from '../support/run.ts'
import { Draw } from './decompositions/sweep.ts'

/** A file with one node, whose scale has the axes that are normalized, or the last of them. */
function form(seed: number, opset: number): { graph: Graph; x: ReturnType<typeof of>; isLast: boolean } {
  const draw = new Draw(seed)
  const rank = draw.int(1, 4)
  const dims = Array.from({ length: rank }, () => draw.int(1, 5))
  const axis = draw.pick([-1, draw.int(-rank, rank - 1)])
  const first = axis < 0 ? axis + rank : axis
  const scaled = dims.slice(draw.flag() ? first : rank - 1)
  const graph = createGraph('normalization')
  graph.opset = opset
  addInput(graph, 'x', 'float32', dims)
  const count = (sizes: readonly number[]) => sizes.reduce((a, b) => a * b, 1)
  addInitializer(graph, 'scale', of('float32', scaled, draw.floats(count(scaled))))
  const epsilon = draw.flag() ? { epsilon: draw.pick([1e-6, 0.1]) } : {}
  graph.nodes.push({
    name: 'norm',
    opType: 'RMSNormalization',
    domain: '',
    inputs: ['x', 'scale'],
    outputs: ['y'],
    attributes: {
      ...(axis === -1 && draw.flag() ? {} : { axis }),
      ...epsilon,
      ...(draw.flag() ? { stash_type: 1 } : {}),
    },
  })
  graph.outputs = ['y']
  graph.values.set('y', { name: 'y', dtype: 'float32', shape: dims })
  return { graph, x: of('float32', dims, draw.floats(count(dims), 3)), isLast: first === rank - 1 }
}

describe.each([23, 24])('RMSNormalization of opset %i', (opset) => {
  it('48 forms', async () => {
    for (let seed = 0; seed < 48; seed++) {
      const { graph, x, isLast } = form(seed, opset)
      const expected = (await run(graph, { x })).get('y')
      const read = readModel(writeModel(graph))
      expect(read.nodes.map(({ opType }) => opType)).toEqual(['RMSNormalization'])
      for (const runnable of [lower(read), ...(isLast ? [runtimeNormalizations(read)] : [])]) {
        const actual = (await run(runnable, { x })).get('y')
        expect(actual?.dims, `seed ${seed}`).toEqual(expected?.dims)
        const tolerance = { atol: 1e-6, rtol: 1e-5 }
        expect(actual?.data ?? [], `seed ${seed}`).toBeAllclose(expected?.data ?? [Number.NaN], tolerance)
      }
    }
  })
})
