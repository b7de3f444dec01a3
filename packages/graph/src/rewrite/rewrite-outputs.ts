// Local changes to a graph: insert nodes right after one, rename what later nodes read.

import { type Graph, type Node, type Value, getValue } from '../ir/graph.ts'
import { addNode, type NodeOptions } from '../ops/add-node.ts'
import { build, type Builder } from '../ops/build.ts'
import { renameValues } from './rename-values.ts'

/**
 * Rebuilds the graph's node list, letting `rewrite` add nodes after each node and say by which value
 * its first output is to be read from then on (undefined: as it is). The graph's outputs keep their names.
 */
export function rewriteOutputs(
  graph: Graph,
  rewrite: (node: Node, output: Value, g: Builder) => Value | undefined,
): void {
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
  for (const name of graph.outputs) if (renamed.has(name)) takeName(graph, name, renamed.get(name) as string)
}

/** Gives an output's name to the value that stands for it; what had the name before gets another. */
function takeName(graph: Graph, name: string, by: string): void {
  const { outputs } = graph
  const isMade = graph.nodes.some((node) => node.outputs.includes(by)) && !outputs.includes(by)
  if (!isMade) {
    graph.outputs = outputs.map((output) => (output === name ? by : output))
    return
  }
  let before = `${name}.before`
  while (graph.values.has(before)) before += '.before'
  renameValues(
    graph,
    new Map([
      [name, before],
      [by, name],
    ]),
  )
  graph.outputs = outputs
}

/** Adds a node that makes a value in place of the one that made it; the value keeps its name and its type. */
export function remake(
  graph: Graph,
  output: string,
  opType: string,
  inputs: readonly (Value | null)[],
  options: Omit<NodeOptions, 'outputs'> = {},
): void {
  const type = getValue(graph, output)
  graph.values.delete(output)
  addNode(graph, opType, inputs, { ...options, outputs: [output] })
  graph.values.set(output, type)
}
