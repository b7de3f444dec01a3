// The layers of a graph that can have an adapter.

import type { Graph, Node } from '@cola/graph'
import type { Target } from '../methods/target.ts'
import { embeddingLayers } from './embedding.ts'
import { linearLayers } from './linear.ts'
import { requireModel } from './require-model.ts'

/** A layer that can have an adapter, and its node. */
export interface AdaptableLayer extends Target {
  readonly node: Node
}

/** The layers of a graph that can have an adapter: linear layers, then embeddings. */
export const adaptableLayers = (graph: Graph): AdaptableLayer[] => [
  ...linearLayers(graph).map((layer) => ({ ...layer, kind: 'linear' as const })),
  ...embeddingLayers(graph).map(({ num_embeddings, embedding_dim, ...layer }) => ({
    ...layer,
    kind: 'embedding' as const,
    bias: undefined,
    transposed: false,
    inFeatures: num_embeddings,
    outFeatures: embedding_dim,
  })),
]

/** A layer that can be a target. */
export type LayerSummary = Target

/**
 * Lists a model's linear layers and embeddings, whose names `target_modules` can use.
 * @throws {ConfigError} for what is no model.
 */
export function inspect(model: { graph: Graph }): LayerSummary[] {
  requireModel('inspect', model)
  return adaptableLayers(model.graph).map(({ node: _, ...summary }) => summary)
}
