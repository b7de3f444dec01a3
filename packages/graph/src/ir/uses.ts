// Def-use relations: the node that produces a value, and the nodes that consume it.

import { requireKind } from '../door.ts'
import type { Graph, Node } from './graph.ts'

/** The node that produces each value; inputs and initializers have none. */
export const producersOf = (graph: Pick<Graph, 'nodes'>): Map<string, Node> => {
  requireKind('producersOf, graph', graph, 'nodes')
  const { nodes } = graph
  return new Map(nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)))
}

/** The nodes that read each value, once for each input of theirs that is the value. */
export function consumersOf(graph: Pick<Graph, 'nodes'>): Map<string, Node[]> {
  requireKind('consumersOf, graph', graph, 'nodes')
  const { nodes } = graph
  const consumers = new Map<string, Node[]>()
  for (const node of nodes) {
    for (const name of node.inputs) {
      const list = consumers.get(name)
      if (list) list.push(node)
      else consumers.set(name, [node])
    }
  }
  return consumers
}
