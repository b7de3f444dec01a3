// Removes Casts to the type that a value already has: exporters write them where a program asks for float32, and
// widening creates more.

import { cloneGraph, getValue, type Graph, type Node } from '../ir/graph.ts'

/** A copy without such Casts, or the graph itself if it has none; outputs keep their names. Values must have types. */
export function withoutCasts(graph: Graph): Graph {
  const dropped = new Set(graph.nodes.filter((node) => isIdle(graph, node)))
  if (dropped.size === 0) return graph
  const produced = new Set(graph.nodes.flatMap(({ outputs }) => outputs))
  /** New names by old name. */
  const names = new Map<string, string>()
  const renamed = (name: string): string => names.get(name) ?? name
  for (const { inputs, outputs } of dropped) names.set(outputs[0] as string, renamed(inputs[0] as string))
  const kept = takeOutputNames(graph, names, produced)
  const nodes = graph.nodes.flatMap((node) => {
    if (!dropped.has(node)) return [{ ...node, inputs: node.inputs.map(renamed), outputs: node.outputs.map(renamed) }]
    return kept.has(node.outputs[0] as string)
      ? [{ ...node, opType: 'Identity', attributes: {}, inputs: node.inputs.map(renamed) }]
      : []
  })
  const values = new Map([...graph.values].filter(([name]) => renamed(name) === name || kept.has(name)))
  return { ...cloneGraph(graph), nodes, values }
}

const isIdle = (graph: Graph, { opType, inputs, outputs }: Node): boolean =>
  opType === 'Cast' && getValue(graph, inputs[0] as string).dtype === getValue(graph, outputs[0] as string).dtype

/**
 * If a dropped Cast is an output, its input takes the output's name. The Cast is kept, as an Identity, if its input is
 * an output or an input of the graph, or a constant, and so cannot be renamed.
 */
function takeOutputNames(graph: Graph, names: Map<string, string>, produced: ReadonlySet<string>): Set<string> {
  const kept = new Set<string>()
  for (const output of graph.outputs) {
    const source = names.get(output)
    if (source === undefined) continue
    if (graph.outputs.includes(source) || !produced.has(source)) {
      kept.add(output)
      names.delete(output)
      continue
    }
    for (const [name, target] of names) if (target === source) names.set(name, output)
    names.delete(output)
    names.set(source, output)
  }
  return kept
}
