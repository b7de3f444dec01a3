// Biases for linear layers whose file has none.

import { addInitializer, getValue, type Graph, rewriteOutputs, type Tensor } from '@cola/graph'

/** A bias [out], and its name. */
export interface Bias {
  readonly name: string
  readonly value: Tensor
}

/** Adds biases, in place, to linear layers, by the outputs of their nodes. A layer that is called twice has one. */
export function addBiases(graph: Graph, biases: ReadonlyMap<string, Bias>): void {
  rewriteOutputs(graph, (node, output, g) => {
    const bias = biases.get(node.outputs[0] as string)
    if (!bias) return undefined
    const { name, value } = bias
    return g.Add(output, graph.values.has(name) ? getValue(graph, name) : addInitializer(graph, name, value))
  })
}
