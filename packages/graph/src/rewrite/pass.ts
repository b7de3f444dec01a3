// The one convention of rewrites of a whole graph.

import { cloneGraph, type Graph } from '../ir/graph.ts'
import { prune } from './prune.ts'

/** Makes a graph with the same outputs from a graph, which stays as it is. */
export type Pass = (graph: Graph) => Graph

/** Runs passes from the first to the last. */
export const runPasses = (graph: Graph, passes: readonly Pass[]): Graph =>
  passes.reduce((result, pass) => pass(result), graph)

/** A copy without the nodes and constants that no output needs. */
export function withoutUnused(original: Graph): Graph {
  const graph = cloneGraph(original)
  prune(graph)
  return graph
}
