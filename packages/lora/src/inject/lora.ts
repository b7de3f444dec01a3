// LoRA injection: an adapter after every targeted linear layer or embedding of any graph.

import { asFloat32, cloneGraph, type Graph, type Model, rewriteOutputs, type Tensor, widen } from '@cola/graph'
import { ConfigError } from '../errors.ts'
import type { LoraConfigJson } from '../schema.ts'
import { type LoraConfig, parseLoraConfig, scaling } from './config.ts'
import { initialValues } from './init.ts'
import { adapted, adapterNames, addParameters, type LoraTarget, loraNames, sharedDropout } from './layer.ts'
import { type AdaptableLayer, adaptableLayers } from './inspect.ts'
import { moduleOf } from './linear.ts'
import { isSaved, isTarget, patternValue, requireTargets } from './target.ts'
import { type TokenTarget, tokenTargets, trainedRowsName, trainRows } from './tokens.ts'
import { modulesOf, unmatched } from './unmatched.ts'

/** A model with an adapter in it. Adapter parameters have PEFT's names. */
export interface LoraModel extends Model {
  readonly config: LoraConfigJson
  readonly targets: readonly LoraTarget[]
  /** Embeddings of which some rows are trained in full. */
  readonly tokens: readonly TokenTarget[]
  /** The graph without the adapter; where the adapter started with a part of the base matrices (PiSSA, OLoRA), without that part. */
  readonly base: Graph
  /** First values of A and B where they took that part: what must be taken off again for an adapter of the unchanged model. */
  readonly initial: ReadonlyMap<string, Tensor>
  /** What the configuration names and the model has not, one sentence each. */
  readonly warnings: readonly string[]
}

/**
 * Adds an adapter to a model; the model is not changed. One in float16, bfloat16 or float64 is computed in float32.
 * Trainable are the adapter's parameters, the rows that `trainable_token_indices` names, those of `modules_to_save` (for SEQ_CLS always the head `score` or `classifier`), and the biases
 * that `bias` names.
 * @param seed Of the first values; whatever they are (but for init_lora_weights false), the model computes what it did.
 * @throws {ConfigError} when the configuration is not valid or matches no layer.
 */
export function lora(model: Model, config: LoraConfig, { seed = 0 }: { seed?: number } = {}): LoraModel {
  const checked = parseLoraConfig(withHead(config))
  const wide = widen(model.graph)
  const [graph, base] = [cloneGraph(wide), cloneGraph(wide)]
  const layers = adaptableLayers(graph)
  // By the name of what they make: exporters leave nodes without names, or with the same.
  const targets = new Map(layers.filter((layer) => isTarget(checked, layer)).map((layer) => [layer.node.outputs[0] as string, target(checked, layer)]))
  const list = [...targets.values()]
  requireTargets(
    list.map(({ module }) => module),
    checked,
    layers.map(({ module }) => module),
  )
  const taken = new Set(list.map(({ module }) => module))
  const tokens = tokenTargets(graph, checked, (module) => taken.has(module) || isSaved(checked.modules_to_save, module))
  for (const one of tokens) trainRows(graph, one)
  const initial = new Map<string, Tensor>()
  const placed = new Set<string>()
  const drop = sharedDropout(checked.lora_dropout)
  rewriteOutputs(graph, (node, output, g) => {
    const found = targets.get(node.outputs[0] as string)
    if (!found) return undefined
    if (!placed.has(found.module)) {
      const values = initialValues(found, checked, graph.initializers.get(found.weight) as Tensor, seed)
      if (values.base) {
        for (const one of [graph, base]) one.initializers.set(found.weight, values.base)
        loraNames(found).forEach((name, i) => {
          initial.set(name, i === 0 ? values.A : values.B)
        })
      }
      addParameters(g, found, checked, values)
      placed.add(found.module)
    }
    return adapted(g, node, output, found, checked, drop)
  })
  const own = [...list.flatMap((one) => adapterNames(one, checked)), ...tokens.map(({ module }) => trainedRowsName(module))]
  const modules = [...modulesOf(base.initializers.keys()), ...layers.map(({ module }) => module)]
  const warnings = unmatched(checked, { modules, layers, targets: [...taken] })
  return { graph, trainable: new Set([...own, ...trainedToo(base, list, checked)]), config: checked, targets: list, tokens, base, initial, warnings }
}

/** PEFT saves the head of a classifier whether it is named or not: losing it is the most frequent complaint of all. */
function withHead(config: LoraConfig): LoraConfig {
  if (config.task_type !== 'SEQ_CLS') return config
  return { ...config, modules_to_save: [...new Set([...(config.modules_to_save ?? []), 'classifier', 'score'])] }
}

/** Parameters of the base model that are trained in full. */
function trainedToo(graph: Graph, targets: readonly LoraTarget[], { modules_to_save, bias }: LoraConfigJson): string[] {
  const biases = new Set(targets.map((layer) => layer.bias))
  const chosen = (name: string): boolean =>
    isSaved(modules_to_save, moduleOf(name)) || (bias === 'all' && name.endsWith('.bias')) || (bias === 'lora_only' && biases.has(name))
  return [...graph.initializers].filter(([name, { dtype }]) => dtype === 'float32' && !name.startsWith('constant.') && chosen(name)).map(([name]) => name)
}

/** @throws {ConfigError} for what an embedding cannot have. */
function target(config: LoraConfigJson, { node: _, ...layer }: AdaptableLayer): LoraTarget {
  const { module, kind } = layer
  for (const field of ['use_dora', 'lora_bias'] as const)
    if (kind === 'embedding' && config[field])
      throw new ConfigError({
        where: `LoraConfig, field "${field}", module "${module}"`,
        what: 'not supported for an embedding',
        fix: 'Leave the embedding out with exclude_modules.',
      })
  const r = patternValue(config.rank_pattern, module, config.r)
  const alpha = patternValue(config.alpha_pattern, module, config.lora_alpha)
  return { ...layer, r, scaling: scaling(alpha, r, config.use_rslora) }
}

/** The model with some parameters replaced: trained values, or an adapter's, in whatever floating-point type. */
export function withParameters<M extends Model>(model: M, parameters: ReadonlyMap<string, Tensor>): M {
  const graph = cloneGraph(model.graph)
  for (const [name, value] of parameters) graph.initializers.set(name, asFloat32(value))
  return { ...model, graph }
}
