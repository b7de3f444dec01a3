// Merging: W + scaling * (B A), so that the adapter costs nothing at inference; and the way back.

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
import { isLookup } from './embedding.ts'
import { loraBiasName, loraNames, type LoraTarget, magnitudeName, rowNorms } from './layer.ts'
import type { LoraModel } from './lora.ts'
import { type TokenTarget, trainedRowsName } from './tokens.ts'

export interface MergedModel extends Model {
  /** The model that was merged, which {@link unmerge} needs for its matrices. */
  readonly adapter: LoraModel
}

/**
 * Folds the adapter into the base matrices and drops its nodes; the model given is not changed.
 * @throws {AdapterError} when a merged value is not finite, or a bias of the adapter has no bias to go to.
 */
export function merge(model: LoraModel): MergedModel {
  const graph = cloneGraph(model.base)
  const { initializers } = model.graph
  for (const name of model.trainable)
    if (graph.initializers.has(name)) graph.initializers.set(name, initializers.get(name) as Tensor)
  for (const target of model.targets) {
    const sum = shifted(model, model.graph.initializers, target, 1)
    const weight = ownMatrix(graph, target)
    graph.initializers.set(
      weight,
      model.config.use_dora ? stretched(target, sum, initializers.get(magnitudeName(target.module)) as Tensor) : sum,
    )
    if (model.config.lora_bias) addBias(graph, target, initializers.get(loraBiasName(target.module)) as Tensor)
  }
  for (const one of model.tokens)
    graph.initializers.set(one.weight, withRows(graph.initializers.get(one.weight) as Tensor, one, initializers))
  return { graph, trainable: new Set(), adapter: model }
}

/** The model as it was before {@link merge}, its base matrices computed back from the merged ones. */
export function unmerge({ graph, adapter }: MergedModel): LoraModel {
  const restored = cloneGraph(adapter.graph)
  for (const target of adapter.targets) {
    const merged = graph.initializers.get(ownName(adapter.base, target)) as Tensor
    const sum = adapter.config.use_dora ? unstretched(adapter, target, merged) : merged
    restored.initializers.set(target.weight, shifted(adapter, new Map([[target.weight, sum]]), target, -1))
  }
  return { ...adapter, graph: restored }
}

/**
 * Where a merged matrix goes: an embedding's adapter is not that of a head that shares the matrix, nor the head's the
 * embedding's, so each gets a copy.
 */
function ownName({ nodes }: Graph, target: LoraTarget): string {
  const { kind, weight, module } = target
  const shared = nodes.some((node) => node.inputs.includes(weight) && !isReader(node, target))
  if (!shared) return weight
  return kind === 'embedding' ? `${module}.embedding.weight` : `${module}.weight`
}

/** Whether a node computes with a target's matrix as the target does. */
const isReader = (node: Node, { kind, weight }: LoraTarget): boolean =>
  node.inputs.includes(weight) && isLookup(node, weight) === (kind === 'embedding')

function ownMatrix(graph: Graph, target: LoraTarget): string {
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

/** W + sign * scaling * delta, delta = B A laid out as W is. */
function shifted(model: LoraModel, base: ReadonlyMap<string, Tensor>, target: LoraTarget, sign: 1 | -1): Tensor {
  const { module, weight: name, transposed, in_features, out_features, r, scaling } = target
  const [a, b] = loraNames(target).map((name) => toFloat32(model.graph.initializers.get(name) as Tensor)) as [
    Float32Array,
    Float32Array,
  ]
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
  return finite(module, float32(weight.dims, values))
}

/** The rows of a matrix brought to given magnitudes; one below 0 turns its row around. */
function stretched(target: LoraTarget, matrix: Tensor, magnitudes: Tensor): Tensor {
  const [wanted, own] = [toFloat32(magnitudes), toFloat32(rowNorms(target, matrix))]
  return timesRows(
    target,
    matrix,
    wanted.map((magnitude, o) => magnitude / (own[o] as number)),
  )
}

/** The way back from {@link stretched}: where a magnitude of 0 wiped a row out, from the base. */
function unstretched(adapter: LoraModel, target: LoraTarget, merged: Tensor): Tensor {
  const sum = shifted(adapter, adapter.base.initializers, target, 1)
  const [own, magnitudes] = [
    toFloat32(rowNorms(target, sum)),
    toFloat32(adapter.graph.initializers.get(magnitudeName(target.module)) as Tensor),
  ]
  if (magnitudes.includes(0)) return sum
  return timesRows(
    target,
    merged,
    own.map((length, o) => length / (magnitudes[o] as number)),
  )
}

/** Each output's weights times a number of its own. */
function timesRows(
  { module, transposed, in_features, out_features }: LoraTarget,
  matrix: Tensor,
  factors: Float32Array,
): Tensor {
  const values = toFloat32(matrix).slice()
  for (let o = 0; o < out_features; o++) {
    for (let i = 0; i < in_features; i++) {
      const at = transposed ? o * in_features + i : i * out_features + o
      values[at] = (values[at] as number) * (factors[o] as number)
    }
  }
  return finite(module, float32(matrix.dims, values))
}

function addBias(graph: Graph, { module, bias, scaling }: LoraTarget, own: Tensor): void {
  const base = bias === undefined ? undefined : graph.initializers.get(bias)
  if (bias === undefined || !base)
    throw new AdapterError({
      where: `module "${module}"`,
      what: 'the adapter has a bias and the layer has none',
      fix: 'Use it unmerged, or train it with lora_bias: false.',
    })
  const values = toFloat32(own)
  graph.initializers.set(
    bias,
    float32(
      base.dims,
      toFloat32(base).map((value, i) => value + scaling * (values[i] as number)),
    ),
  )
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
