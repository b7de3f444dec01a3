// The type of a graph pass, and how passes are run.

import { requireKind } from '../door.ts'
import { cloneGraph, type Graph } from '../ir/graph.ts'
import { prune } from './prune.ts'

/** Returns a new graph with the same outputs, and does not change its argument. */
export type Pass = (graph: Graph) => Graph

/** Applies passes in their order, to a graph that was checked. */
export const inOrder = (graph: Graph, passes: readonly Pass[]): Graph =>
  passes.reduce((result, pass) => pass(result), graph)

/** Applies passes in their order. */
export const runPasses = (graph: Graph, passes: readonly Pass[]): Graph => {
  requireKind('runPasses, graph', graph, 'graph')
  return inOrder(graph, passes)
}

/** A copy without the nodes and constants that no output needs. */
export function withoutUnused(original: Graph): Graph {
  requireKind('withoutUnused, original', original, 'graph')
  const graph = cloneGraph(original)
  prune(graph)
  return graph
}
