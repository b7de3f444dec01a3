// Gives a decoder the logits of all tokens, where its file has an input that tells of which it computes them.

import { addInitializer, cloneGraph, type Graph, type Node, tensorOf } from '@cola/graph'

/** The input of exports by transformers 4.45 to 4.48, the number of last tokens, and that of later ones. */
const counts = ['num_logits_to_keep', 'logits_to_keep']

/**
 * A copy of a decoded graph that computes the logits of all tokens, without the input; the graph itself if it has no
 * such input.
 */
export function withAllLogits(original: Graph): Graph {
  const found = original.inputs.filter((name) => counts.includes(name))
  if (found.length === 0) return original
  const graph = cloneGraph(original)
  graph.inputs = graph.inputs.filter((name) => !found.includes(name))
  for (const name of found) {
    const dims = (graph.values.get(name)?.shape ?? []).map(() => 1)
    graph.values.delete(name)
    // As a number of tokens, 0 means all.
    addInitializer(graph, name, tensorOf('int64', dims, [0]))
  }
  const counted = new Set(found)
  graph.nodes = graph.nodes.map((node) => {
    if (!node.inputs.some((name) => counted.has(name))) return node
    if (selectsTokens(node, counted))
      return { ...node, opType: 'Identity', inputs: node.inputs.slice(0, 1), attributes: {} }
    for (const output of node.outputs) counted.add(output)
    return node
  })
  return graph
}

/** Whether a node takes some of the tokens, by numbers that follow from the input. */
const selectsTokens = ({ opType, inputs: [x = '', which = ''] }: Node, counted: ReadonlySet<string>): boolean =>
  (opType === 'Slice' || opType === 'Gather') && counted.has(which) && !counted.has(x)
