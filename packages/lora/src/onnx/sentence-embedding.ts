// One vector a text: the hidden states pooled and scaled to length 1.

import {
  build,
  cloneGraph,
  getValue,
  type Graph,
  type Model,
  normalizeRows,
  prune,
  renameValues,
  uniqueName,
  type Value,
  widen,
} from '@cola/graph'
import type { Pooling } from '../inject/head.ts'
import { pool } from './head.ts'

/** Name of the output with a vector for each token; transformers' and transformers.js' name. */
export const tokenOutput = 'last_hidden_state'
/** Name of the output with a vector for each text; sentence-transformers' name. */
export const sentenceOutput = 'sentence_embedding'

/**
 * A copy of the model whose output is `sentence_embedding` [batch, width], of length 1.
 * @param model Its first output is the hidden states, [batch, sequence, width] or, of a packed batch, [token, width].
 * @param options `tokens` keeps the hidden states too, as the first output, `last_hidden_state`.
 */
export function withSentenceEmbedding(model: Model, pooling: Pooling, { tokens = false }: { tokens?: boolean } = {}): Model {
  const graph = cloneGraph(widen(model.graph))
  const states = getValue(graph, graph.outputs[0] as string)
  // What is an output is computed at all tokens, not only at the last.
  graph.outputs = tokens ? [states.name] : []
  const embedding = normalizeRows(build(graph), pool(graph, states, pooling))
  graph.outputs = [...(tokens ? [named(graph, states, tokenOutput)] : []), named(graph, embedding, sentenceOutput)]
  prune(graph)
  return { graph, trainable: new Set(model.trainable) }
}

/** Gives a value a name; what had it gets another. */
function named(graph: Graph, value: Value, name: string): string {
  if (value.name === name) return name
  if (graph.values.has(name)) renameValues(graph, new Map([[name, uniqueName(graph, name)]]))
  build(graph).node('Identity', [value], { outputs: [name] })
  return name
}
