// Local changes to a graph: nodes inserted after a node, and a new node that produces an existing value.

import { requireKind } from '../door.ts'
import { checkOptions } from '../options.ts'
import { type Graph, type Node, type Value, getValue } from '../ir/graph.ts'
import { addNode, nodeChecks, type NodeOptions } from '../ops/add-node.ts'
import { build, type Builder } from '../ops/build.ts'
import { renameValues } from './rename-values.ts'

/**
 * Visits the nodes in order. `rewrite` may add nodes after the visited one and return the value that later nodes read
 * instead of its first output (undefined: no change). The graph's outputs keep their names.
 */
export function rewriteOutputs(
  graph: Graph,
  rewrite: (node: Node, output: Value, g: Builder) => Value | undefined,
): void {
  requireKind('rewriteOutputs, graph', graph, 'graph')
  const nodes = graph.nodes
  const replaced = new Map<string, string>()
  const g = build(graph)
  graph.nodes = []
  for (const node of nodes) {
    graph.nodes.push({ ...node, inputs: node.inputs.map((name) => replaced.get(name) ?? name) })
    const output = node.outputs[0] as string
    const replacement = rewrite(graph.nodes.at(-1) as Node, getValue(graph, output), g)
    if (replacement && replacement.name !== output) replaced.set(output, replacement.name)
  }
  for (const name of graph.outputs) if (replaced.has(name)) takeName(graph, name, replaced.get(name) as string)
}

/** Gives an output's name to the value that replaces it; the replaced value gets another name. */
function takeName(graph: Graph, name: string, replacement: string): void {
  const { outputs } = graph
  const isProduced = graph.nodes.some((node) => node.outputs.includes(replacement)) && !outputs.includes(replacement)
  if (!isProduced) {
    graph.outputs = outputs.map((output) => (output === name ? replacement : output))
    return
  }
  let before = `${name}.before`
  while (graph.values.has(before)) before += '.before'
  renameValues(
    graph,
    new Map([
      [name, before],
      [replacement, name],
    ]),
  )
  graph.outputs = outputs
}

/** Adds a node that produces an existing value, which keeps its name and type; the caller drops the old producer. */
export function replaceProducer(
  graph: Graph,
  output: string,
  opType: string,
  inputs: readonly (Value | null)[],
  options: Omit<NodeOptions, 'outputs'> = {},
): void {
  checkOptions('replaceProducer', options, nodeChecks)
  requireKind('replaceProducer, graph', graph, 'graph')
  const type = getValue(graph, output)
  graph.values.delete(output)
  addNode(graph, opType, inputs, { ...options, outputs: [output] })
  graph.values.set(output, type)
}
