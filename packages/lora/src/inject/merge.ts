// Merging: W + scaling * (B A), so that the adapter costs nothing at inference; and the way back.

import { cloneGraph, float32, type Model, type Tensor, toFloat32 } from '@cola/graph'
import { AdapterError } from '../errors.ts'
import { type LoraModel, loraNames, type LoraTarget } from './lora.ts'

export interface MergedModel extends Model {
  /** The model that was merged, which {@link unmerge} needs for its matrices. */
  readonly adapter: LoraModel
}

/**
 * Folds the adapter into the base matrices and drops its nodes; the model given is not changed.
 * @throws {AdapterError} when a merged value is not finite.
 */
export function merge(model: LoraModel): MergedModel {
  const graph = cloneGraph(model.base)
  for (const name of model.trainable) if (graph.initializers.has(name)) graph.initializers.set(name, model.graph.initializers.get(name) as Tensor)
  for (const target of model.targets) graph.initializers.set(target.weight, shifted(model, model.graph.initializers, target, 1))
  return { graph, trainable: new Set(), adapter: model }
}

/** The model as it was before {@link merge}, its base matrices computed back from the merged ones. */
export function unmerge({ graph, adapter }: MergedModel): LoraModel {
  const restored = cloneGraph(adapter.graph)
  for (const target of adapter.targets) restored.initializers.set(target.weight, shifted(adapter, graph.initializers, target, -1))
  return { ...adapter, graph: restored }
}

/** W + sign * scaling * delta, delta = B A laid out as W is. */
function shifted(
  model: LoraModel,
  base: ReadonlyMap<string, Tensor>,
  { module, weight: name, transposed, in_features, out_features, r, scaling }: LoraTarget,
  sign: 1 | -1,
): Tensor {
  const [a, b] = loraNames(module).map((name) => toFloat32(model.graph.initializers.get(name) as Tensor)) as [Float32Array, Float32Array]
  const weight = base.get(name) as Tensor
  const values = toFloat32(weight).slice()
  const factor = sign * scaling
  for (let i = 0; i < in_features; i++) {
    for (let o = 0; o < out_features; o++) {
      let sum = 0
      for (let k = 0; k < r; k++) sum += (b[o * r + k] as number) * (a[k * in_features + i] as number)
      const at = transposed ? o * in_features + i : i * out_features + o
      values[at] = (values[at] as number) + factor * sum
    }
  }
  if (!values.every(Number.isFinite))
    throw new AdapterError({
      where: `module "${module}"`,
      what: 'merging gives values that are not finite',
      fix: 'The adapter is broken: its training diverged, perhaps.',
    })
  return float32(weight.dims, values)
}
