// What of a graph can be given an adapter.

import type { Graph, Node } from '@cola/graph'
import { embeddingLayers } from './embedding.ts'
import { linearLayers } from './linear.ts'

export type LayerKind = 'linear' | 'embedding'

/** A layer that LoRA can target. An embedding is a linear layer of one-hot rows: [num_embeddings, embedding_dim]. */
export interface AdaptableLayer {
  readonly kind: LayerKind
  readonly node: Node
  /** Module name, as PEFT prints it. */
  readonly module: string
  /** Initializer that holds the matrix. */
  readonly weight: string
  /** Initializer that holds the bias, where there is one. */
  readonly bias: string | undefined
  /** Whether the matrix is [out, in] (PyTorch's Linear) instead of [in, out] (Conv1D, Embedding). */
  readonly transposed: boolean
  readonly in_features: number
  readonly out_features: number
}

/** The layers of a graph that an adapter can be put at: linear ones, then embeddings. */
export const adaptableLayers = (graph: Graph): AdaptableLayer[] => [
  ...linearLayers(graph).map((layer) => ({ ...layer, kind: 'linear' as const })),
  ...embeddingLayers(graph).map(({ num_embeddings, embedding_dim, ...layer }) => ({
    ...layer,
    kind: 'embedding' as const,
    bias: undefined,
    transposed: false,
    in_features: num_embeddings,
    out_features: embedding_dim,
  })),
]

/** What can be targeted: one row a layer. */
export type LayerSummary = Omit<AdaptableLayer, 'node'>

/** Lists a model's linear layers and embeddings, so that `target_modules` can be chosen from their names. */
export const inspect = ({ graph }: { graph: Graph }): LayerSummary[] =>
  adaptableLayers(graph).map(({ node: _, ...summary }) => summary)
