// One shape for the inputs of a text. PyTorch's newer exporter names the sizes of each input apart, so that what follows
// from the shape of a mask would not be known to be as long as the text.

import { type Graph, getValue } from '@cola/graph'

/** Inputs with a number for each token. */
const perToken = ['attention_mask', 'token_type_ids', 'position_ids']

/** Gives the inputs with symbolic sizes [batch, sequence] those of `input_ids`; the graph is changed. */
export function withTextShape(graph: Graph): Graph {
  if (!graph.inputs.includes('input_ids')) return graph
  const { shape } = getValue(graph, 'input_ids')
  for (const name of perToken) {
    const value = graph.inputs.includes(name) ? getValue(graph, name) : undefined
    if (value?.shape.length === 2 && shape.length === 2 && value.shape.every((dim) => typeof dim === 'string'))
      graph.values.set(name, { ...value, shape })
  }
  return graph
}
