// One vector for each text: the hidden states pooled and normalized to length 1.

import {
  build,
  cloneGraph,
  getValue,
  type Model,
  normalizeRows,
  prune,
  renameValues,
  uniqueName,
  type Value,
  widen,
} from '@cola/graph'
import type { Pooling } from '../inject/head.ts'
import { pool } from './pool.ts'

/** Name of the output with a vector for each token; transformers' and transformers.js' name. */
const tokenOutput = 'last_hidden_state'
/** Name of the output with a vector for each text; sentence-transformers' name. */
export const sentenceOutput = 'sentence_embedding'

/**
 * A copy of the model whose output is `sentence_embedding` [batch, width], of length 1.
 * @param model Its first output is the hidden states, [batch, sequence, width] or, of a packed batch, [token, width].
 * @param options `tokens` keeps the hidden states too, as the first output, `last_hidden_state`.
 */
export function withSentenceEmbedding(
  model: Model,
  pooling: Pooling,
  { tokens = false }: { tokens?: boolean } = {},
): Model {
  const graph = cloneGraph(widen(model.graph))
  for (const name of [tokenOutput, sentenceOutput])
    if (graph.values.has(name)) renameValues(graph, new Map([[name, uniqueName(graph, name)]]))
  const g = build(graph)
  const states = getValue(graph, graph.outputs[0] as string)
  const output = (value: Value, name: string) => g.node('Identity', [value], { outputs: [name] })
  if (tokens) output(states, tokenOutput)
  graph.outputs = tokens ? [tokenOutput] : []
  output(normalizeRows(g, pool(graph, states, pooling)), sentenceOutput)
  graph.outputs = [...graph.outputs, sentenceOutput]
  prune(graph)
  return { graph, trainable: new Set(model.trainable) }
}
