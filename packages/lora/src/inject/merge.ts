// Merges an adapter into the base matrices, so that it costs nothing at inference, and unmerges it.

import {
  addInitializer,
  cloneGraph,
  float32,
  type Graph,
  type Model,
  type Node,
  type Tensor,
  toFloat32,
  uniqueName,
} from '@cola/graph'
import { AdapterError } from '../errors.ts'
import type { PeftType, TensorOf } from '../methods/method.ts'
import { methodOf } from '../methods/methods.ts'
import type { Target } from '../methods/target.ts'
import type { AdaptedModel } from './adapted-model.ts'
import { addBiases, type Bias } from './biases.ts'
import { isLookup } from './embedding.ts'
import { linearLayers } from './linear.ts'
import { requireModel } from './require-model.ts'
import { type TokenTarget, trainedRowsName } from './tokens.ts'
import { withoutPrefix } from './with-adapter.ts'

export interface MergedModel<M extends PeftType = PeftType> extends Model {
  /** The model before merging; {@link unmerge} takes the adapter's parameters from it. */
  readonly adapter: AdaptedModel<M>
}

const tensorsOf =
  ({ initializers }: Graph): TensorOf =>
  (name) =>
    initializers.get(name) as Tensor

/**
 * Merges the adapter into a copy of the base model, without the adapter's nodes. A layer without a bias gets that of
 * the adapter (`lora_bias`).
 * @throws {AdapterError} when a merged value is not finite; {ConfigError} for what is no model with an adapter.
 */
export function merge<M extends PeftType>(model: AdaptedModel<M>): MergedModel<M> {
  const steps = merging(model)
  for (let step = steps.next(); ; step = steps.next()) if (step.done) return step.value
}

/** Merges as {@link merge} does, and awaits a pause after each matrix. */
export async function mergeWith<M extends PeftType>(
  model: AdaptedModel<M>,
  pause: () => Promise<void> | undefined,
): Promise<MergedModel<M>> {
  const steps = merging(model)
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done) return step.value
    await pause()
  }
}

/** Merges one matrix a step. */
function* merging<M extends PeftType>(model: AdaptedModel<M>): Generator<void, MergedModel<M>> {
  requireModel('merge', model, 'adapted')
  const graph = cloneGraph(model.base)
  const { initializers } = model.graph
  const [method, tensorOf] = [methodOf(model.config), tensorsOf(model.graph)]
  for (const name of model.trainable) if (graph.initializers.has(name)) graph.initializers.set(name, tensorOf(name))
  const added = new Map<string, Tensor>()
  for (const target of model.targets) {
    const { module, bias } = target
    const layer = {
      weight: tensorOf(target.weight),
      bias: bias === undefined ? undefined : graph.initializers.get(bias),
    }
    const merged = method.merge(target, model.config, tensorOf, layer)
    graph.initializers.set(separateMatrix(graph, target), finite(module, merged.weight))
    yield
    if (!merged.bias || merged.bias === layer.bias) continue
    const value = finite(module, merged.bias)
    if (bias !== undefined) graph.initializers.set(bias, value)
    else added.set(module, value)
  }
  if (added.size > 0) addBiases(graph, byOutput(model, added))
  for (const target of model.tokens) {
    const matrix = graph.initializers.get(target.weight) as Tensor
    graph.initializers.set(target.weight, withRows(matrix, target, initializers))
  }
  return { graph, trainable: new Set(), adapter: model }
}

/** Biases of an adapter's modules, by the outputs of the modules' nodes. */
function byOutput({ base, omitted }: AdaptedModel, biases: ReadonlyMap<string, Tensor>): Map<string, Bias> {
  return new Map(
    linearLayers(base).flatMap(({ node, module }) => {
      const value = biases.get(withoutPrefix(module, omitted))
      return value ? [[node.outputs[0] as string, { name: uniqueName(base, `${module}.bias`), value }] as const] : []
    }),
  )
}

/** The model before {@link merge}, with its base matrices computed from the merged ones. @throws {ConfigError} for another model. */
export function unmerge<M extends PeftType>(merged: MergedModel<M>): AdaptedModel<M> {
  requireModel('unmerge', merged, 'merged')
  const { graph, adapter } = merged
  const restored = cloneGraph(adapter.graph)
  const method = methodOf(adapter.config)
  for (const target of adapter.targets) {
    const matrices = {
      merged: graph.initializers.get(mergedName(adapter.base, target)) as Tensor,
      original: adapter.base.initializers.get(target.weight) as Tensor,
    }
    const matrix = method.unmerge(target, adapter.config, tensorsOf(adapter.graph), matrices)
    restored.initializers.set(target.weight, finite(target.module, matrix))
  }
  return { ...adapter, graph: restored }
}

/**
 * Name of the initializer for a merged matrix. Where an embedding and a head share the matrix, an adapter belongs to
 * one of them only, so the merged matrix is a copy.
 */
function mergedName({ nodes }: Graph, target: Target): string {
  const { kind, weight, module } = target
  const shared = nodes.some((node) => node.inputs.includes(weight) && !isConsumer(node, target))
  if (!shared) return weight
  return kind === 'embedding' ? `${module}.embedding.weight` : `${module}.weight`
}

/** Whether a node uses a target's matrix in the target's way: as a lookup, or as a product. */
const isConsumer = (node: Node, { kind, weight }: Target): boolean =>
  node.inputs.includes(weight) && isLookup(node, weight) === (kind === 'embedding')

/** Gives the target a matrix of its own where others share it, in place; returns its name. */
function separateMatrix(graph: Graph, target: Target): string {
  const name = mergedName(graph, target)
  if (name === target.weight) return name
  if (!graph.values.has(name)) addInitializer(graph, name, graph.initializers.get(target.weight) as Tensor)
  const read = (input: string): string => (input === target.weight ? name : input)
  graph.nodes = graph.nodes.map((node) =>
    isConsumer(node, target) ? { ...node, inputs: node.inputs.map(read) } : node,
  )
  return name
}

/** A copy of the matrix with the trained rows. */
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
