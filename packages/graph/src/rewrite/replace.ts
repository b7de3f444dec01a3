// Local changes to a graph: insert nodes right after one, rename what later nodes read.

import { type Graph, type Node, type Value, getValue } from '../ir/graph.ts'
import { build, type Builder } from '../ops/builder.ts'

/**
 * Rebuilds the graph's node list, letting `rewrite` add nodes after each node and say by which value
 * its first output is to be read from then on (undefined: as it is).
 */
export function rewriteOutputs(graph: Graph, rewrite: (node: Node, output: Value, g: Builder) => Value | undefined): void {
  const nodes = graph.nodes
  const renamed = new Map<string, string>()
  const g = build(graph)
  graph.nodes = []
  for (const node of nodes) {
    graph.nodes.push({ ...node, inputs: node.inputs.map((name) => renamed.get(name) ?? name) })
    const output = node.outputs[0] as string
    const replacement = rewrite(graph.nodes.at(-1) as Node, getValue(graph, output), g)
    if (replacement && replacement.name !== output) renamed.set(output, replacement.name)
  }
  graph.outputs = graph.outputs.map((name) => renamed.get(name) ?? name)
}
