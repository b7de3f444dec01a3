// Packed matrices in the bits that they have; what packs them is loaded for graphs that have some.

import type { Graph } from '@cola/graph'

/** A graph that computes with the codes of its packed matrices. */
export async function withPacked(graph: Graph): Promise<Graph> {
  const isPacked = [...graph.initializers.values()].some(({ packed }) => packed)
  return isPacked ? (await import('./pack-matrices.ts')).packMatrices(graph) : graph
}
