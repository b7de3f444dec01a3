// Removes Identity nodes of constants: PyTorch's older exporter stores one of several equal parameters and makes the
// others Identity nodes that read it.

import { addInitializer, cloneGraph, type Graph } from '../ir/graph.ts'

/**
 * Removes every Identity of a constant. A vector with a parameter's name (a bias of zeros, a scale of ones) becomes a
 * separate constant, because it may be trained; a matrix stays shared, because it belongs to a module that runs twice.
 */
export function foldIdentities(original: Graph): Graph {
  const graph = cloneGraph(original)
  const renamed = new Map<string, string>()
  graph.nodes = graph.nodes.filter(({ opType, inputs: [input = ''], outputs: [output = ''] }) => {
    const source = renamed.get(input) ?? input
    const data = graph.initializers.get(source)
    if (opType !== 'Identity' || !data || graph.outputs.includes(output) || graph.inputs.includes(source)) return true
    graph.values.delete(output)
    if (data.dims.length === 1 && /\.(weight|bias)$/.test(output)) addInitializer(graph, output, data)
    else renamed.set(output, source)
    return false
  })
  graph.nodes = graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map((name) => renamed.get(name) ?? name) }))
  return graph
}
