// LoRA injection (Hu et al. 2022): y = x W + b becomes y + scaling * (dropout(x) A') B' at every targeted linear layer.

import { random } from '@cola/data'
import {
  addInitializer,
  type Builder,
  cloneGraph,
  float32,
  type Graph,
  type Model,
  type Node,
  rewriteOutputs,
  scale,
  type Tensor,
  transposeMatrix,
  type Value,
  getValue,
} from '@cola/graph'
import type { LoraConfigJson } from '../schema.ts'
import { type LoraConfig, parseLoraConfig, scaling } from './config.ts'
import { type LinearLayer, linearLayers, moduleOf } from './linear.ts'
import { isSaved, isTarget, patternValue, requireTargets } from './target.ts'

/** A layer that got an adapter. */
export interface LoraTarget {
  /** Module name, as PEFT prints it: `transformer.h.0.attn.c_attn`. */
  module: string
  /** Initializer that holds the base matrix. */
  weight: string
  /** Whether the base matrix is [out, in] (a Gemm with transB, PyTorch's Linear) instead of [in, out] (Conv1D). */
  transposed: boolean
  in_features: number
  out_features: number
  r: number
  scaling: number
}

/** A model with an adapter in it. Adapter parameters have PEFT's names. */
export interface LoraModel extends Model {
  readonly config: LoraConfigJson
  readonly targets: readonly LoraTarget[]
  /** The graph without the adapter. */
  readonly base: Graph
}

/** PEFT's prefix for everything an adapter file holds. */
export const peftPrefix = 'base_model.model.'

/** Names of an adapter's two matrices: A [r, in], B [out, r]. */
export const loraNames = (module: string): [string, string] => [`${peftPrefix}${module}.lora_A.weight`, `${peftPrefix}${module}.lora_B.weight`]

/**
 * Adds an adapter to a model; the model is not changed.
 * Trainable are the adapter's matrices and the parameters of `modules_to_save` (for SEQ_CLS always the head `score` or `classifier`).
 * @param seed Of A's first values; B starts at zero, so the model computes what it did.
 * @throws {ConfigError} when the configuration is not valid or matches no layer.
 */
export function lora(model: Model, config: LoraConfig, { seed = 0 }: { seed?: number } = {}): LoraModel {
  const checked = parseLoraConfig(withHead(config))
  const graph = cloneGraph(model.graph)
  const linear = linearLayers(graph)
  const targets = new Map(linear.filter(({ module }) => isTarget(checked, module)).map((layer) => [layer.node, target(checked, layer)]))
  requireTargets(
    [...targets.values()].map(({ module }) => module),
    checked,
    linear.map(({ module }) => module),
  )
  rewriteOutputs(graph, (node, output, g) => {
    const found = [...targets].find(([original]) => original.name === node.name)?.[1]
    return found && adapted(g, node, output, found, checked, seed)
  })
  const list = [...targets.values()]
  const saved = [...graph.initializers.keys()].filter((name) => isSaved(checked.modules_to_save, moduleOf(name)) && !name.startsWith(peftPrefix))
  return { graph, trainable: new Set([...list.flatMap(({ module }) => loraNames(module)), ...saved]), config: checked, targets: list, base: model.graph }
}

/** PEFT saves the head of a classifier whether it is named or not: losing it is the most frequent complaint of all. */
function withHead(config: LoraConfig): LoraConfig {
  if (config.task_type !== 'SEQ_CLS') return config
  return { ...config, modules_to_save: [...new Set([...(config.modules_to_save ?? []), 'classifier', 'score'])] }
}

function target(config: LoraConfigJson, { module, weight, transposed, in_features, out_features }: LinearLayer): LoraTarget {
  const r = patternValue(config.rank_pattern, module, config.r)
  const alpha = patternValue(config.alpha_pattern, module, config.lora_alpha)
  return { module, weight, transposed, in_features, out_features, r, scaling: scaling(alpha, r, config.use_rslora) }
}

function adapted(
  g: Builder,
  node: Node,
  output: Value,
  { module, in_features, out_features, r, scaling: factor }: LoraTarget,
  config: LoraConfigJson,
  seed: number,
): Value {
  const [nameA, nameB] = loraNames(module)
  const a = addInitializer(g.graph, nameA, initialA(config, [r, in_features], seed, nameA))
  const b = addInitializer(g.graph, nameB, float32([out_features, r], new Float32Array(out_features * r)))
  const x = getValue(g.graph, node.inputs[0] as string)
  const dropped = config.lora_dropout === 0 ? x : (g.node('Dropout', [x, g.scalar(config.lora_dropout)], { name: `${module}.lora_dropout` })[0] as Value)
  if (x.shape.length === 2) {
    const low = g.Gemm(dropped, a, { transB: 1 })
    return g.Add(output, g.node('Gemm', [low, b], { name: `${module}.lora`, attributes: { transB: 1, alpha: factor } })[0] as Value)
  }
  const low = g.MatMul(dropped, transposeMatrix(g, a))
  return g.Add(output, scale(g, g.MatMul(low, transposeMatrix(g, b)), factor))
}

/** kaiming_uniform(a = sqrt 5), which is U(-1/sqrt in, 1/sqrt in); or N(0, 1/r) for 'gaussian'. */
function initialA(config: LoraConfigJson, dims: readonly [number, number], seed: number, name: string): Tensor {
  const stream = random(seed, 'lora', name)
  const [r, inputs] = dims
  const draw = config.init_lora_weights === 'gaussian' ? () => stream.normal() / r : () => (2 * stream.uniform() - 1) / Math.sqrt(inputs)
  return float32(dims, Float32Array.from({ length: r * inputs }, draw))
}

/** The model with some parameters replaced: trained values, or an adapter's. */
export function withParameters<M extends Model>(model: M, parameters: ReadonlyMap<string, Tensor>): M {
  const graph = cloneGraph(model.graph)
  for (const [name, value] of parameters) graph.initializers.set(name, value)
  return { ...model, graph }
}
