// Casts to the type that a value has already: exporters leave them where a program asks for float32, and widening makes
// more.

import { cloneGraph, getValue, type Graph, type Node } from '../ir/graph.ts'

/** A copy without them, or the graph itself where it has none; outputs keep their names. Values must have types. */
export function withoutCasts(graph: Graph): Graph {
  const dropped = new Set(graph.nodes.filter((node) => isIdle(graph, node)))
  if (dropped.size === 0) return graph
  const made = new Set(graph.nodes.flatMap(({ outputs }) => outputs))
  /** By what each value is read. */
  const names = new Map<string, string>()
  const read = (name: string): string => names.get(name) ?? name
  for (const { inputs, outputs } of dropped) names.set(outputs[0] as string, read(inputs[0] as string))
  const kept = takeOutputNames(graph, names, made)
  const nodes = graph.nodes.flatMap((node) => {
    if (!dropped.has(node)) return [{ ...node, inputs: node.inputs.map(read), outputs: node.outputs.map(read) }]
    return kept.has(node.outputs[0] as string)
      ? [{ ...node, opType: 'Identity', attributes: {}, inputs: node.inputs.map(read) }]
      : []
  })
  const values = new Map([...graph.values].filter(([name]) => read(name) === name || kept.has(name)))
  return { ...cloneGraph(graph), nodes, values }
}

const isIdle = (graph: Graph, { opType, inputs, outputs }: Node): boolean =>
  opType === 'Cast' && getValue(graph, inputs[0] as string).dtype === getValue(graph, outputs[0] as string).dtype

/**
 * What a dropped Cast that is an output was made of takes the output's name; where it cannot, because it is known by
 * its own, the Cast is kept.
 */
function takeOutputNames(graph: Graph, names: Map<string, string>, made: ReadonlySet<string>): Set<string> {
  const kept = new Set<string>()
  for (const output of graph.outputs) {
    const source = names.get(output)
    if (source === undefined) continue
    if (graph.outputs.includes(source) || !made.has(source)) {
      kept.add(output)
      names.delete(output)
      continue
    }
    for (const [name, of] of names) if (of === source) names.set(name, output)
    names.delete(output)
    names.set(source, output)
  }
  return kept
}
