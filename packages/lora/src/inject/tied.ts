// Heads that share the token embeddings' matrix (`tie_word_embeddings`). PEFT unties them when one of the two is
// trained in full.

import { addInitializer, type Graph, type Tensor } from '@cola/graph'
import type { AdapterConfigJson } from '../methods/method.ts'
import { embeddingLayers, isLookup } from './embedding.ts'
import { linearLayers } from './linear.ts'

export interface TiedHead {
  /** Module name of the head: `lm_head`. */
  readonly module: string
  /** Module name of the embedding that shares the matrix. */
  readonly embedding: string
  /** Initializer of the shared matrix. */
  readonly weight: string
}

/** The heads of embeddings whose matrix has consumers other than lookups. */
export function tiedHeads(graph: Graph): TiedHead[] {
  const layers = linearLayers(graph)
  const shared = new Map(embeddingLayers(graph).map(({ weight, module }) => [weight, module]))
  return [...shared]
    .filter(([weight]) => graph.nodes.some((node) => node.inputs.includes(weight) && !isLookup(node, weight)))
    .map(([weight, embedding]) => ({
      module: layers.find((layer) => layer.weight === weight)?.module ?? 'lm_head',
      embedding,
      weight,
    }))
}

/**
 * Whether head and embedding stay tied (`ensure_weight_tying`). PEFT does this only where `modules_to_save` uses
 * Llama's names, not GPT-2's `wte`.
 */
export const staysTied = ({
  ensure_weight_tying,
  modules_to_save,
}: Pick<AdapterConfigJson, 'ensure_weight_tying' | 'modules_to_save'>): boolean =>
  ensure_weight_tying === true && (modules_to_save ?? []).some((name) => /(^|\.)(embed_tokens|lm_head)$/.test(name))

/** Name of a head's matrix after {@link untie}. */
export const headWeight = ({ module }: TiedHead): string => `${module}.weight`

/** Gives a head a copy of the shared matrix, in the embedding's layout. Changes the graph in place. */
export function untie(graph: Graph, head: TiedHead): void {
  const { weight } = head
  const copy = addInitializer(graph, headWeight(head), graph.initializers.get(weight) as Tensor).name
  const read = (name: string): string => (name === weight ? copy : name)
  graph.nodes = graph.nodes.map((node) =>
    isLookup(node, weight) || !node.inputs.includes(weight) ? node : { ...node, inputs: node.inputs.map(read) },
  )
}
