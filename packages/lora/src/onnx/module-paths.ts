// The paths of a model's modules: where its base is, and what is beside it.

import type { Graph } from '@cola/graph'
import { embeddingLayers } from '../inject/embedding.ts'
import { moduleOf } from '../inject/linear.ts'

/** Modules that transformers has beside the base model. */
const headNames = [
  'score',
  'classifier',
  'pre_classifier',
  'classification_head',
  'qa_outputs',
  'lm_head',
  'embed_out',
  'cls',
  'vocab_\\w+',
  'generator_\\w+',
  'discriminator_\\w+',
]
export const heads = new RegExp(`^(${headNames.join('|')})(\\.|$)`)

/** Whether a name is a parameter's; constants of exporters (`onnx::MatMul_12`, `val_3`) are not. */
export const isParameter = (name: string): boolean =>
  /^\w[\w.-]*[._](weight|bias)$/.test(name) && !name.startsWith('constant.')

export const split = (path: string): string[] => path.split('.').filter(Boolean)

/** Number of leading parts that two paths have in common. */
export function commonLength(a: readonly string[], b: readonly string[]): number {
  const differs = a.findIndex((part, i) => part !== b[i])
  return differs < 0 ? a.length : differs
}

/**
 * Path of the module that contains the token embeddings and the numbered layers: `bert`, `model.model`, `0.auto_model`;
 * '' where they are at the top level. Undefined for a graph without such embeddings.
 */
export function basePathOf(graph: Graph): string | undefined {
  const embeddings = embeddingLayers(graph).flatMap(({ module, node }) => [module, node.scope ?? module])
  return mostCommon(embeddings, [...graph.initializers.keys()].filter(isParameter).map(moduleOf))
}

/** Scopes of the nodes. */
export const scopes = (graph: Graph): string[] => graph.nodes.flatMap(({ scope }) => scope ?? [])

/** {@link basePathOf} by the scopes of nodes, which may have other wrappers than the parameters. */
export const basePathOfNodes = (graph: Graph): string | undefined =>
  mostCommon(
    embeddingLayers(graph).flatMap(({ node }) => node.scope ?? []),
    scopes(graph),
  )

/**
 * The path that most pairs of an embedding and a module of a numbered layer have in common. The majority decides
 * because an exporter may name a tied embedding after the head.
 */
function mostCommon(embeddings: readonly string[], modules: readonly string[]): string | undefined {
  const counts = new Map<string, number>()
  for (const embedding of new Set(embeddings)) {
    const path = split(embedding)
    for (const module of modules.map(split)) {
      const shared = commonLength(path, module)
      if (shared === path.length || !module.slice(shared).some((part) => /^\d+$/.test(part))) continue
      const base = path.slice(0, shared).join('.')
      counts.set(base, (counts.get(base) ?? 0) + 1)
    }
  }
  return [...counts].sort(([a, m], [b, n]) => n - m || b.length - a.length)[0]?.[0]
}

/** Whether a module is outside of the base model: a head, or the pooler, which only heads use. */
export function isHeadModule(module: string, base: string): boolean {
  if (base !== '' && module !== base && !module.startsWith(`${base}.`)) return true
  const rest = base === '' ? module : module.slice(base.length + 1)
  return /^pooler(\.|$)/.test(rest) || (base === '' && heads.test(rest))
}
