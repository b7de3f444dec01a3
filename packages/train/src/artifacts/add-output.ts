// Adds an output to a graph.

import { build, type Graph, type Value } from '@cola/graph'

/** Makes a value an output under another name. */
export function addOutput(graph: Graph, name: string, value: Value): void {
  build(graph).node('Identity', [value], { outputs: [name] })
  graph.outputs.push(name)
}
