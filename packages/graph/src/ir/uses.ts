// Who makes a value, and who reads it.

import type { Graph, Node } from './graph.ts'

/** The node that makes each value; inputs and initializers are made by none. */
export const makersOf = ({ nodes }: Pick<Graph, 'nodes'>): Map<string, Node> =>
  new Map(nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)))

/** The nodes that read each value, once for each time they do. */
export function readersOf({ nodes }: Pick<Graph, 'nodes'>): Map<string, Node[]> {
  const readers = new Map<string, Node[]>()
  for (const node of nodes) {
    for (const name of node.inputs) {
      const list = readers.get(name)
      if (list) list.push(node)
      else readers.set(name, [node])
    }
  }
  return readers
}
