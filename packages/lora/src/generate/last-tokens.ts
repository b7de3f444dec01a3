// A decoder's graph for generation, in the form of its file, with the logits of last tokens only.

import { addInput, cloneGraph, forInference, getValue, type Graph, prune, rowsAt, uniqueName } from '@cola/graph'
import { withGrowingCache } from './growing-cache.ts'

/**
 * The graph with logits [batch, vocab_size] of the tokens at the indices in an input, among all tokens of the batch.
 * @param presents Other outputs that are kept.
 */
export function atLastTokens(original: Graph, presents: readonly string[] = []) {
  const graph = cloneGraph(original)
  const lastToken = uniqueName(graph, 'last_token')
  const indices = addInput(graph, lastToken, 'int64', ['batch'])
  const output = graph.outputs.includes('logits') ? 'logits' : (graph.outputs[0] as string)
  const { name: logits } = rowsAt(graph, getValue(graph, output), indices)
  graph.outputs = [logits, ...presents]
  prune(graph)
  return { graph: withGrowingCache(forInference(graph)), lastToken, logits }
}
