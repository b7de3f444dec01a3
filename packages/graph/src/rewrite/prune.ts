// Removes dead code: nodes, initializers and values that no output needs.

import { requireKind } from '../door.ts'
import { checkOptions, flag } from '../options.ts'
import type { Graph } from '../ir/graph.ts'

/**
 * Drops every node and initializer that no output depends on, in place.
 * @param options `inputs`: also drop inputs that no output depends on. @default false
 * @throws {ConfigError} for an option that is unknown or out of its range.
 */
export function prune(graph: Graph, options: { inputs?: boolean } = {}): void {
  checkOptions('prune', options, { inputs: flag })
  requireKind('prune, graph', graph, 'graph')
  const { inputs = false } = options
  const needed = new Set(graph.outputs)
  const kept = [...graph.nodes].reverse().filter((node) => {
    const used = node.outputs.some((output) => needed.has(output))
    if (used) for (const input of node.inputs) needed.add(input)
    return used
  })
  graph.nodes = kept.reverse()
  if (inputs) graph.inputs = graph.inputs.filter((name) => needed.has(name))
  for (const name of [...graph.initializers.keys()]) if (!needed.has(name)) graph.initializers.delete(name)
  const alive = new Set([...graph.inputs, ...graph.initializers.keys(), ...graph.nodes.flatMap((node) => node.outputs)])
  for (const name of [...graph.values.keys()]) if (!alive.has(name)) graph.values.delete(name)
}
