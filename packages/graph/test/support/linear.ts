import { addInitializer, addInput, build, createGraph, float32, type Graph } from '../../src/index.ts'

/** y = x w, with x [batch, 4] and w [4, 300]. */
export function linear(): Graph {
  const graph = createGraph('linear')
  const g = build(graph)
  const x = addInput(graph, 'x', 'float32', ['batch', 4])
  g.node(
    'Gemm',
    [
      x,
      addInitializer(
        graph,
        'w',
        float32(
          [4, 300],
          Array.from({ length: 1200 }, (_, i) => i / 1000),
        ),
      ),
    ],
    { name: 'layer', outputs: ['y'] },
  )
  graph.outputs = ['y']
  graph.metadata = { note: 'kept' }
  return graph
}
