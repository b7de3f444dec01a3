// The embedding layers of any graph: Gather nodes that read rows of an initializer by computed or fed indices.

import { dataTypes, type Graph, getValue, type Node } from '@cola/graph'
import { moduleOf } from './linear.ts'

export interface EmbeddingLayer {
  readonly node: Node
  /** Module name, as PEFT prints it: `transformer.wte`. */
  readonly module: string
  /** Initializer that holds the matrix, [num_embeddings, embedding_dim]. */
  readonly weight: string
  readonly num_embeddings: number
  readonly embedding_dim: number
}

/** Whether a node looks up rows of the matrix. */
export const isLookup = ({ opType, inputs, attributes }: Node, weight: string): boolean =>
  opType === 'Gather' && inputs[0] === weight && !attributes.axis

/** The embedding layers, of any floating-point type, whose matrix is named `*.weight`. */
export const embeddingLayers = (graph: Graph): EmbeddingLayer[] =>
  graph.nodes.flatMap((node) => {
    const [weight = '', indices = ''] = node.inputs
    const dims = graph.initializers.get(weight)?.dims
    if (!isLookup(node, weight) || dims?.length !== 2 || graph.initializers.has(indices)) return []
    if (!weight.endsWith('.weight') || !dataTypes[getValue(graph, weight).dtype].float) return []
    return [
      { node, module: moduleOf(weight), weight, num_embeddings: dims[0] as number, embedding_dim: dims[1] as number },
    ]
  })
