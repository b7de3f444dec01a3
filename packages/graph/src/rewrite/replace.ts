// Local changes to a graph: insert nodes right after one, rename what later nodes read.

import { type Graph, type Node, type Value, getValue } from '../ir/graph.ts'
import { addNode, build, type Builder, type NodeOptions } from '../ops/builder.ts'

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

/** Adds a node that makes a value in place of the one that made it; the value keeps its name and its type. */
export function remake(graph: Graph, output: string, opType: string, inputs: readonly (Value | null)[], options: Omit<NodeOptions, 'outputs'> = {}): void {
  const type = getValue(graph, output)
  graph.values.delete(output)
  addNode(graph, opType, inputs, { ...options, outputs: [output] })
  graph.values.set(output, type)
}
