// transformers' parameter names for an exported model, so that PEFT's adapters fit it as it is.

import { type Graph, renameValues } from '@cola/graph'
import { linearLayers } from '../inject/linear.ts'

/** transformers' base_model_prefix by model_type; `model` for the many decoders built as Llama is. */
const prefixes: Readonly<Record<string, string>> = {
  albert: 'albert',
  bert: 'bert',
  bloom: 'transformer',
  camembert: 'roberta',
  deberta: 'deberta',
  'deberta-v2': 'deberta',
  distilbert: 'distilbert',
  electra: 'electra',
  gpt2: 'transformer',
  gpt_neo: 'transformer',
  gpt_neox: 'gpt_neox',
  gptj: 'transformer',
  mpnet: 'mpnet',
  roberta: 'roberta',
  'xlm-roberta': 'roberta',
}

/** transformers' base_model_prefix. */
export const baseModelPrefix = (model_type: string): string => prefixes[model_type] ?? 'model'

/** A parameter's name in the classifier that transformers would build: wrappers before the prefix dropped, the prefix added where it is missing. */
export function canonicalName(name: string, prefix: string): string {
  const parts = name.split('.')
  const at = parts.lastIndexOf(prefix, 1)
  if (at >= 0) return parts.slice(at).join('.')
  return `${prefix}.${name}`
}

/**
 * Renames, in place, a graph's parameters as transformers names them; matrices that the exporter called `onnx::MatMul_12` get their module's name.
 * Other constants keep theirs.
 */
export function canonicalize(graph: Graph, model_type: string): void {
  const prefix = baseModelPrefix(model_type)
  const names = new Map<string, string>()
  const taken = new Set<string>()
  const rename = (from: string, to: string) => {
    if (from === to || names.has(from) || taken.has(to) || graph.values.has(to)) return
    names.set(from, to)
    taken.add(to)
  }
  for (const name of graph.initializers.keys()) if (/^[A-Za-z_].*\.(weight|bias)$/.test(name)) rename(name, canonicalName(name, prefix))
  for (const { module, weight } of linearLayers(graph))
    if (!/\.weight$/.test(weight) && module !== weight) rename(weight, `${canonicalName(module, prefix)}.weight`)
  renameValues(graph, names)
}
