// States of convolutions in a batch of texts: each is that of its text's own last tokens.

import { addInput, build, cloneGraph, type Graph, getValue, type Node, producersOf, prune, statesOf } from '@cola/graph'

/** A graph, and its input with the number of new tokens of each text, [batch], where there are states. */
export interface WithRowStates {
  readonly graph: Graph
  readonly newTokens?: string
}

/**
 * The graph whose states are the last tokens of each text that is padded on the right, where those of the file are the
 * last of the batch. Undefined where a state is something else than the end of the earlier one and the new tokens.
 * @param presents The output of the cache by its input.
 */
export function withRowStates(original: Graph, presents: ReadonlyMap<string, string>): WithRowStates | undefined {
  const states = statesOf(original).filter((name) => presents.has(name))
  if (states.length === 0) return { graph: original }
  const graph = cloneGraph(original)
  const g = build(graph)
  const producers = producersOf(graph)
  const newTokens = addInput(graph, 'new_tokens', 'int64', ['batch'])
  const counts = g.Unsqueeze(newTokens, g.int64([1, 2]))
  for (const past of states) {
    const present = presents.get(past) as string
    const whole = wholeOf(producers, past, present)
    if (whole === undefined) return undefined
    const size = Number(getValue(graph, past).shape[2])
    const columns = g.Add(counts, g.int64(Array.from({ length: size }, (_, i) => i)))
    const places = g.Expand(columns, g.Shape(getValue(graph, past)))
    graph.nodes = graph.nodes.filter(({ outputs }) => !outputs.includes(present))
    graph.values.delete(present)
    g.node('GatherElements', [getValue(graph, whole), places], { outputs: [present], attributes: { axis: 2 } })
  }
  prune(graph)
  return { graph, newTokens: newTokens.name }
}

/** The earlier state with the new tokens after it, where the end of that is the new state. */
function wholeOf(producers: ReadonlyMap<string, Node>, past: string, present: string): string | undefined {
  const end = producers.get(present)
  const whole = end?.opType === 'Slice' ? end.inputs[0] : undefined
  const concat = producers.get(whole ?? '')
  const isWhole = concat?.opType === 'Concat' && concat.inputs.length === 2 && concat.inputs[0] === past
  return isWhole && [2, -1].includes(Number(concat.attributes.axis)) ? whole : undefined
}
