// Constants under several names: PyTorch's older exporter keeps one of equal parameters and makes the others Identity
// nodes of it.

import { addInitializer, cloneGraph, type Graph } from '../ir/graph.ts'

/**
 * Drops every Identity of a constant. One that has a parameter's name (a bias of zeros, a gain of ones)
 * becomes a constant of its own, because it may be trained; a matrix is that of a module called twice, and stays one.
 */
export function foldIdentities(original: Graph): Graph {
  const graph = cloneGraph(original)
  const renamed = new Map<string, string>()
  graph.nodes = graph.nodes.filter(({ opType, inputs: [input = ''], outputs: [output = ''] }) => {
    const from = renamed.get(input) ?? input
    const data = graph.initializers.get(from)
    if (opType !== 'Identity' || !data || graph.outputs.includes(output) || graph.inputs.includes(from)) return true
    graph.values.delete(output)
    if (data.dims.length === 1 && /\.(weight|bias)$/.test(output)) addInitializer(graph, output, data)
    else renamed.set(output, from)
    return false
  })
  graph.nodes = graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map((name) => renamed.get(name) ?? name) }))
  return graph
}
