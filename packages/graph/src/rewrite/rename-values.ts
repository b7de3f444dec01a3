// Renames values of a graph.

import { requireKind } from '../door.ts'
import type { Graph, Node } from '../ir/graph.ts'
import { GraphError } from '../errors.ts'

/**
 * Renames values, in place; names that the graph does not have are ignored.
 * @param names New names by old name.
 * @throws {GraphError} when a new name is taken.
 */
export function renameValues(graph: Graph, names: ReadonlyMap<string, string>): void {
  requireKind('renameValues, graph', graph, 'graph')
  const renamed = (name: string): string => names.get(name) ?? name
  const kept = new Set([...graph.values.keys()].filter((name) => !names.has(name)))
  const targets = new Set<string>()
  for (const target of [...names].filter(([name]) => graph.values.has(name)).map(([, to]) => to)) {
    if (kept.has(target) || targets.has(target))
      throw new GraphError({ where: `graph "${graph.name}"`, what: `a value is named "${target}" already` })
    targets.add(target)
  }
  const renameNode = (node: Node): Node => ({
    ...node,
    inputs: node.inputs.map(renamed),
    outputs: node.outputs.map(renamed),
  })
  graph.nodes = graph.nodes.map(renameNode)
  graph.inputs = graph.inputs.map(renamed)
  graph.outputs = graph.outputs.map(renamed)
  graph.initializers = new Map([...graph.initializers].map(([name, value]) => [renamed(name), value]))
  graph.values = new Map([...graph.values].map(([name, value]) => [renamed(name), { ...value, name: renamed(name) }]))
}
