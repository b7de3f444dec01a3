// New names for values.

import type { Graph, Node } from '../ir/graph.ts'
import { GraphError } from '../errors.ts'

/**
 * Gives values other names, in place.
 * @throws {GraphError} when a new name is taken.
 */
export function renameValues(graph: Graph, names: ReadonlyMap<string, string>): void {
  const of = (name: string): string => names.get(name) ?? name
  const kept = new Set([...graph.values.keys()].filter((name) => !names.has(name)))
  const targets = new Set<string>()
  for (const target of [...names].filter(([name]) => graph.values.has(name)).map(([, to]) => to)) {
    if (kept.has(target) || targets.has(target))
      throw new GraphError({ where: `graph "${graph.name}"`, what: `a value is named "${target}" already` })
    targets.add(target)
  }
  const node = (original: Node): Node => ({
    ...original,
    inputs: original.inputs.map(of),
    outputs: original.outputs.map(of),
  })
  graph.nodes = graph.nodes.map(node)
  graph.inputs = graph.inputs.map(of)
  graph.outputs = graph.outputs.map(of)
  graph.initializers = new Map([...graph.initializers].map(([name, value]) => [of(name), value]))
  graph.values = new Map([...graph.values].map(([name, value]) => [of(name), { ...value, name: of(name) }]))
}
