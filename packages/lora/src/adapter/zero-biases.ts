// Biases that are zero in the base model, and that its file therefore lacks: PyTorch's newer exporter drops them where
// nn.Linear reads rows, as fresh heads and poolers do. An adapter that trained such a layer in full holds its bias.

import { cloneGraph, float32, type Model, widen } from '@cola/graph'
import { addBiases } from '../inject/biases.ts'
import { linearLayers } from '../inject/linear.ts'
import type { Adapter } from './files.ts'
import { bareName, omittedIn } from './names.ts'

/** A copy of the model in which linear layers without a bias, of which an adapter holds one, add zeros. */
export function withZeroBiases<M extends Model>(model: M, adapters: readonly Adapter[]): M {
  const held = new Set(
    adapters.flatMap(({ tensors }) => {
      const omitted = omittedIn(tensors.keys(), model.graph)
      return [...tensors.keys()].map(bareName).flatMap((name) => [omitted + name, name])
    }),
  )
  const lacking = new Map(
    linearLayers(model.graph)
      .filter(({ bias, module }) => bias === undefined && held.has(`${module}.bias`))
      .map(({ node, module, outFeatures }) => [
        node.outputs[0] as string,
        { name: `${module}.bias`, value: float32([outFeatures], new Float32Array(outFeatures)) },
      ]),
  )
  if (lacking.size === 0) return model
  const graph = cloneGraph(widen(model.graph))
  addBiases(graph, lacking)
  return { ...model, graph }
}
