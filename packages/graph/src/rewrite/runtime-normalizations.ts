// RMS normalization by the runtime's own operator, which it also fuses with the residual connection before it.

import { requireKind } from '../door.ts'
import { cloneGraph, type Graph } from '../ir/graph.ts'

/** A copy with SimplifiedLayerNormalization in place of RMSNormalization. For inference: it has no gradient rule. */
export const runtimeNormalizations = (graph: Graph): Graph => {
  requireKind('runtimeNormalizations, graph', graph, 'graph')
  return {
    ...cloneGraph(graph),
    nodes: graph.nodes.map((node) =>
      node.domain === '' && node.opType === 'RMSNormalization'
        ? { ...node, opType: 'SimplifiedLayerNormalization' }
        : node,
    ),
  }
}
