// The model that shows whether a device works.

import { addInput, build, createGraph, type Graph } from '@cola/graph'

/** A model of one node, which every device opens. */
export function probeGraph(): Graph {
  const graph = createGraph('probe')
  build(graph).node('Identity', [addInput(graph, 'x', 'float32', [1])], { outputs: ['y'] })
  graph.outputs = ['y']
  return graph
}
