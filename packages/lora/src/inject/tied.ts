// Heads that share the token embeddings' matrix (`tie_word_embeddings`), and how PEFT parts them: what is trained of
// the one is not the other's.

import { addInitializer, type Graph, type Tensor } from '@cola/graph'
import type { AdapterConfigJson } from '../methods/method.ts'
import { embeddingLayers, isLookup } from './embedding.ts'
import { linearLayers } from './linear.ts'

export interface TiedHead {
  /** Module name of the head: `lm_head`. */
  readonly module: string
  /** Module name of the embedding whose matrix it reads. */
  readonly embedding: string
  /** Initializer that both read. */
  readonly weight: string
}

/** The embeddings whose matrix is read by something else than lookups. */
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
 * Whether both are to stay one (`ensure_weight_tying`); PEFT sees to it only where one of them is saved under Llama's
 * names, not as GPT-2's `wte`.
 */
export const staysTied = ({
  ensure_weight_tying,
  modules_to_save,
}: Pick<AdapterConfigJson, 'ensure_weight_tying' | 'modules_to_save'>): boolean =>
  ensure_weight_tying === true && (modules_to_save ?? []).some((name) => /(^|\.)(embed_tokens|lm_head)$/.test(name))

/** What a head's own matrix is called once it has one. */
export const headWeight = ({ module }: TiedHead): string => `${module}.weight`

/** Gives a head a copy of the matrix, laid out as the embedding's, in place. */
export function untie(graph: Graph, head: TiedHead): void {
  const { weight } = head
  const own = addInitializer(graph, headWeight(head), graph.initializers.get(weight) as Tensor).name
  const read = (name: string): string => (name === weight ? own : name)
  graph.nodes = graph.nodes.map((node) =>
    isLookup(node, weight) || !node.inputs.includes(weight) ? node : { ...node, inputs: node.inputs.map(read) },
  )
}
