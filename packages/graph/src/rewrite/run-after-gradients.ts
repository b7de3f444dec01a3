// Lets what runs in turns (RunAfter) wait for the gradients of the turn before, so that forward and backward pass of
// one turn end before the next one begins.

import { requireKind } from '../door.ts'
import type { Graph, Node, Value } from '../ir/graph.ts'
import { sortNodes } from '../ir/sort.ts'
import { build } from '../ops/build.ts'

/** The nodes of each turn: those that run after the same value, in the order of the graph. */
function turnNodes({ nodes }: Graph): Node[][] {
  const turns = new Map<string, Node[]>()
  for (const node of nodes) {
    if (node.opType !== 'RunAfter') continue
    const before = node.inputs[1] ?? ''
    turns.set(before, [...(turns.get(before) ?? []), node])
  }
  return [...turns.values()]
}

/** Names of the values that begin a turn, whose gradients {@link runAfterGradients} needs. */
export const turns = (graph: Graph): string[] => {
  requireKind('turns, graph', graph, 'graph')
  return turnNodes(graph).flatMap((nodes) => nodes.flatMap(({ outputs }) => outputs))
}

/**
 * Each turn runs after the gradients of the turn before it are known, in place. Numbers do not change.
 * @param gradients The gradient of each value that {@link turns} names.
 */
export function runAfterGradients(graph: Graph, gradients: ReadonlyMap<string, Value>): void {
  requireKind('runAfterGradients, graph', graph, 'graph')
  const all = turnNodes(graph)
  if (all.length < 2) return
  const g = build(graph)
  const waiting = new Map<Node, string>()
  all.slice(1).forEach((nodes, i) => {
    const sums = (all[i] as Node[]).map(({ outputs: [name] }) =>
      g.ReduceSum(gradients.get(name as string) as Value, { keepdims: 0 }),
    )
    const before = sums.reduce((a, b) => g.Add(a, b))
    for (const node of nodes) waiting.set(node, before.name)
  })
  graph.nodes = graph.nodes.map((node) => {
    const before = waiting.get(node)
    return before === undefined ? node : { ...node, inputs: [node.inputs[0] as string, before] }
  })
  graph.nodes = sortNodes(graph)
}
