// Merging an adapter into the base matrices, so that it costs nothing at inference; and the way back.

import {
  addInitializer,
  cloneGraph,
  float32,
  type Graph,
  type Model,
  type Node,
  type Tensor,
  toFloat32,
} from '@cola/graph'
import { AdapterError } from '../errors.ts'
import type { PeftType, TensorOf } from '../methods/method.ts'
import { methodOf } from '../methods/methods.ts'
import type { Target } from '../methods/target.ts'
import type { AdaptedModel } from './adapted-model.ts'
import { isLookup } from './embedding.ts'
import { type TokenTarget, trainedRowsName } from './tokens.ts'

export interface MergedModel<M extends PeftType = PeftType> extends Model {
  /** The model that was merged, which {@link unmerge} needs for its matrices. */
  readonly adapter: AdaptedModel<M>
}

const tensorsOf =
  ({ initializers }: Graph): TensorOf =>
  (name) =>
    initializers.get(name) as Tensor

/**
 * Folds the adapter into the base matrices and drops its nodes; the model given is not changed.
 * @throws {AdapterError} when a merged value is not finite, or a bias of the adapter has no bias to go to.
 */
export function merge<M extends PeftType>(model: AdaptedModel<M>): MergedModel<M> {
  const graph = cloneGraph(model.base)
  const { initializers } = model.graph
  const [method, tensorOf] = [methodOf(model.config), tensorsOf(model.graph)]
  for (const name of model.trainable) if (graph.initializers.has(name)) graph.initializers.set(name, tensorOf(name))
  for (const target of model.targets) {
    const { module, bias } = target
    const layer = {
      weight: tensorOf(target.weight),
      bias: bias === undefined ? undefined : graph.initializers.get(bias),
    }
    const merged = method.merge(target, model.config, tensorOf, layer)
    graph.initializers.set(ownMatrix(graph, target), finite(module, merged.weight))
    if (bias !== undefined && merged.bias && merged.bias !== layer.bias)
      graph.initializers.set(bias, finite(module, merged.bias))
  }
  for (const one of model.tokens)
    graph.initializers.set(one.weight, withRows(graph.initializers.get(one.weight) as Tensor, one, initializers))
  return { graph, trainable: new Set(), adapter: model }
}

/** The model as it was before {@link merge}, its base matrices computed back from the merged ones. */
export function unmerge<M extends PeftType>({ graph, adapter }: MergedModel<M>): AdaptedModel<M> {
  const restored = cloneGraph(adapter.graph)
  const method = methodOf(adapter.config)
  for (const target of adapter.targets) {
    const matrices = {
      merged: graph.initializers.get(ownName(adapter.base, target)) as Tensor,
      original: adapter.base.initializers.get(target.weight) as Tensor,
    }
    const matrix = method.unmerge(target, adapter.config, tensorsOf(adapter.graph), matrices)
    restored.initializers.set(target.weight, finite(target.module, matrix))
  }
  return { ...adapter, graph: restored }
}

/**
 * Where a merged matrix goes: an embedding's adapter is not that of a head that shares the matrix, nor the head's the
 * embedding's, so each gets a copy.
 */
function ownName({ nodes }: Graph, target: Target): string {
  const { kind, weight, module } = target
  const shared = nodes.some((node) => node.inputs.includes(weight) && !isReader(node, target))
  if (!shared) return weight
  return kind === 'embedding' ? `${module}.embedding.weight` : `${module}.weight`
}

/** Whether a node computes with a target's matrix as the target does. */
const isReader = (node: Node, { kind, weight }: Target): boolean =>
  node.inputs.includes(weight) && isLookup(node, weight) === (kind === 'embedding')

function ownMatrix(graph: Graph, target: Target): string {
  const name = ownName(graph, target)
  if (name === target.weight) return name
  if (!graph.values.has(name)) addInitializer(graph, name, graph.initializers.get(target.weight) as Tensor)
  const read = (input: string): string => (input === target.weight ? name : input)
  graph.nodes = graph.nodes.map((node) => (isReader(node, target) ? { ...node, inputs: node.inputs.map(read) } : node))
  return name
}

/** A matrix with the trained rows in it. */
function withRows(matrix: Tensor, { module, indices }: TokenTarget, trained: ReadonlyMap<string, Tensor>): Tensor {
  const [values, rows] = [toFloat32(matrix).slice(), toFloat32(trained.get(trainedRowsName(module)) as Tensor)]
  const columns = matrix.dims[1] as number
  indices.forEach((index, i) => {
    values.set(rows.subarray(i * columns, (i + 1) * columns), index * columns)
  })
  return finite(module, float32(matrix.dims, values))
}

function finite(module: string, merged: Tensor): Tensor {
  if (!toFloat32(merged).every(Number.isFinite))
    throw new AdapterError({
      where: `module "${module}"`,
      what: 'merging gives values that are not finite',
      fix: 'The adapter is broken: its training diverged, perhaps.',
    })
  return merged
}
