import { expect, it } from 'vitest'
import { addInput, build, createGraph, decodeGraph, writeModel } from '../../src/index.ts'
import { of, run } from '../support/run.ts'

it('gives each node a name of its own', async () => {
  const graph = createGraph('names')
  const g = build(graph)
  const x = addInput(graph, 'x', 'float32', [2])
  const node = (input: typeof x, name: string, output: string) =>
    g.node('Neg', [input], { name, outputs: [output] })[0] as typeof x
  node(node(node(node(x, 'n', 'a'), 'n', 'b'), 'n_1', 'c'), 'n', 'y')
  graph.outputs = ['y']
  expect(decodeGraph(writeModel(graph)).nodes.map(({ name }) => name)).toEqual(['n', 'n_2', 'n_1', 'n_3'])
  const results = await run(graph, { x: of('float32', [2], [1, 2]) })
  expect(results.get('y')?.data).toEqual([1, 2])
})
