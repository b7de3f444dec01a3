// LoRA injection: an adapter after every targeted linear layer or embedding of any graph.

import { asFloat32, cloneGraph, type Graph, type Model, rewriteOutputs, type Tensor, widen } from '@cola/graph'
import { AdapterError, ConfigError } from '../errors.ts'
import type { LoraConfigJson } from '../schema.ts'
import { type LoraConfig, parseLoraConfig, scaling } from './config.ts'
import { withTargets } from './defaults.ts'
import type { Head } from './head.ts'
import { initialValues } from './init.ts'
import { adapted, adapterNames, addParameters, type LoraTarget, loraNames, sharedDropout } from './layer.ts'
import { type AdaptableLayer, adaptableLayers } from './inspect.ts'
import { isSavedModule, nestedSaved, savedParameters, withTaskHeads } from './saved.ts'
import { isAllLinear, isTarget, patternValue, requireTargets } from './target.ts'
import { staysTied, tiedHeads, untie } from './tied.ts'
import { type TokenTarget, tokenTargets, trainedRowsName, trainRows } from './tokens.ts'
import { modulesOf, unmatched } from './unmatched.ts'

/** A model with an adapter in it. Adapter parameters have PEFT's names. */
export interface LoraModel extends Model {
  readonly config: LoraConfigJson
  readonly targets: readonly LoraTarget[]
  /** Embeddings of which some rows are trained in full. */
  readonly tokens: readonly TokenTarget[]
  /**
   * The graph without the adapter; where the adapter started with a part of the base matrices (PiSSA, OLoRA), without
   * that part.
   */
  readonly base: Graph
  /**
   * First values of A and B where they took that part: what must be taken off again for an adapter of the unchanged
   * model.
   */
  readonly initial: ReadonlyMap<string, Tensor>
  /** What the configuration names and the model has not, one sentence each. */
  readonly warnings: readonly string[]
  /**
   * What the adapter's names leave out of the graph's: `bert.` where it is an adapter of the bare model (AutoModel);
   * else nothing.
   */
  readonly omitted: string
  /**
   * What the file that it came from holds beside the trained parameters, such as saved embeddings: the graph's
   * parameter by the name in the file.
   */
  readonly held: ReadonlyMap<string, string>
  /** What the head is, where that is known. */
  readonly head?: Head
}

/** A model that may say what its head is, as `withHead` leaves it. */
export type HeadedModel = Model & { readonly head?: Head }

/**
 * Adds an adapter to a model; the model is not changed. One in float16, bfloat16 or float64 is computed in float32.
 * Trainable are the adapter's parameters, the rows that `trainable_token_indices` names, those of `modules_to_save`
 * (for SEQ_CLS and TOKEN_CLS always the head `score` or `classifier`), and the biases that `bias` names. With
 * FEATURE_EXTRACTION, names are those of the bare model, as PEFT has them for AutoModel.
 * @param seed Of the first values; whatever they are (but for init_lora_weights false), the model computes what it did.
 * @throws {ConfigError} when the configuration is not valid or matches no layer.
 */
export function lora(model: HeadedModel, config: LoraConfig, { seed = 0 }: { seed?: number } = {}): LoraModel {
  const checked = parseLoraConfig(config)
  return inject(model, checked, {
    seed,
    omitted: checked.task_type === 'FEATURE_EXTRACTION' ? barePrefix(model.graph) : '',
  })
}

/** {@link lora} with a checked configuration, whose names leave `omitted` out of the graph's. */
export function inject(
  model: HeadedModel,
  given: LoraConfigJson,
  { seed = 0, omitted = '' }: { seed?: number; omitted?: string } = {},
): LoraModel {
  const wide = widen(model.graph)
  const [graph, base] = [cloneGraph(wide), cloneGraph(wide)]
  const named = withTaskHeads(given)
  const { modules_to_save } = named
  const own = (module: string): string => without(module, omitted)
  for (const head of tiedHeads(graph))
    if (
      !staysTied(named) &&
      [head.module, head.embedding].some((module) => isSavedModule(modules_to_save, own(module)))
    )
      for (const one of [graph, base]) untie(one, head)
  const layers = adaptableLayers(graph).map((layer) => ({ ...layer, module: own(layer.module) }))
  const checked = withoutSaved(withTargets(named, graph, layers), layers)
  // By the name of what they make: exporters leave nodes without names, or with the same.
  const targets = new Map(
    layers
      .filter((layer) => isTarget(checked, layer))
      .map((layer) => [layer.node.outputs[0] as string, target(checked, layer)]),
  )
  // A layer that is computed several times (ALBERT's) has one adapter.
  const list = [...new Map([...targets.values()].map((one) => [one.module, one])).values()]
  requireTargets(
    list.map(({ module }) => module),
    checked,
    layers.map(({ module }) => module),
  )
  refuseTied(graph, list, checked)
  const taken = new Set(list.map(({ module }) => module))
  const tokens = tokenTargets(
    graph,
    checked,
    (module) => taken.has(own(module)) || isSavedModule(modules_to_save, own(module)),
  ).map((one) => ({
    ...one,
    module: own(one.module),
  }))
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
  const added = [
    ...list.flatMap((one) => adapterNames(one, checked)),
    ...tokens.map(({ module }) => trainedRowsName(module)),
  ]
  const modules = [...modulesOf(base.initializers.keys()).map(own), ...layers.map(({ module }) => module)]
  const trainable = new Set([...added, ...savedParameters(base, list, checked, own)])
  const warnings = [
    ...unmatched(checked, { modules, layers, targets: [...taken] }),
    ...nestedSaved(modules_to_save, [...new Set(modules)]),
    ...untrainedHead(model.head, trainable),
  ]
  return {
    graph,
    trainable,
    config: checked,
    targets: list,
    tokens,
    base,
    initial,
    warnings,
    omitted,
    held: new Map(),
    ...(model.head ? { head: model.head } : {}),
  }
}

/** A new head that is not trained stays random. */
function untrainedHead(head: Head | undefined, trainable: ReadonlySet<string>): string[] {
  if (!head || [...trainable].some((name) => name.startsWith(`${head.name}.`))) return []
  return [
    `modules_to_save: the head "${head.name}" is not among what is trained and keeps its first values; task_type 'SEQ_CLS' trains it`,
  ]
}

/** A name without its first part. */
const without = (name: string, prefix: string): string => (name.startsWith(prefix) ? name.slice(prefix.length) : name)

/**
 * The parts that every parameter's name begins with: the `bert.` of a bare model. Nothing where there is a head beside
 * it.
 */
function barePrefix({ initializers }: Graph): string {
  const [first = [], ...rest] = [...initializers.keys()]
    .filter((name) => /^[A-Za-z_].*\.(weight|bias)$/.test(name))
    .map((name) => name.split('.'))
  const differing = first.findIndex((part, i) => rest.some((parts) => parts[i] !== part))
  return first
    .slice(0, Math.max(0, differing))
    .map((part) => `${part}.`)
    .join('')
}

/**
 * `all-linear` leaves out what is trained in full, and says so in its configuration, because PEFT can give a layer one
 * of the two only.
 * @throws {ConfigError} for a layer that is named as both.
 */
function withoutSaved(config: LoraConfigJson, layers: readonly AdaptableLayer[]): LoraConfigJson {
  const both = layers
    .filter((layer) => isTarget(config, layer) && isSavedModule(config.modules_to_save, layer.module))
    .map(({ module }) => module)
  if (both.length === 0) return config
  const { target_modules, exclude_modules } = config
  if (!isAllLinear(target_modules))
    throw new ConfigError({
      where: 'LoraConfig, field "target_modules"',
      what: `${both.map((module) => `"${module}"`).join(', ')} would get LoRA and be trained in full`,
      found: `modules_to_save ${JSON.stringify(config.modules_to_save)}, whose names are endings`,
      fix: `Leave it out of LoRA: exclude_modules: ${JSON.stringify(both)}.`,
    })
  const excluded =
    typeof exclude_modules === 'string'
      ? [exclude_modules, ...both.map((module) => module.replaceAll('.', '\\.'))].join('|')
      : undefined
  return {
    ...config,
    exclude_modules: excluded ?? [...((exclude_modules as string[] | null | undefined) ?? []), ...both],
  }
}

/**
 * @throws {ConfigError} for LoRA on a tied embedding whose head is to have it too: `ensure_weight_tying`, which shares
 * the matrices transposed.
 */
function refuseTied(graph: Graph, targets: readonly LoraTarget[], { ensure_weight_tying }: LoraConfigJson): void {
  if (!ensure_weight_tying) return
  const shared = new Set(tiedHeads(graph).map(({ weight }) => weight))
  const found = targets.find(({ weight }) => shared.has(weight))
  if (found)
    throw new ConfigError({
      where: `LoraConfig, field "ensure_weight_tying", module "${found.module}"`,
      what: 'not supported for LoRA on an embedding that shares its matrix with a head',
      fix: 'Train without it, or merge the adapter with PEFT.',
    })
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

/**
 * The model with some parameters replaced: trained values, or an adapter's, in whatever floating-point type.
 * @throws {AdapterError} for a parameter that the model has not, or has in another shape.
 */
export function withParameters<M extends Model>(model: M, parameters: ReadonlyMap<string, Tensor>): M {
  const graph = cloneGraph(model.graph)
  for (const [name, value] of parameters) {
    const own = graph.initializers.get(name)
    if (own?.dims.join() !== value.dims.join())
      throw new AdapterError({
        where: `parameter "${name}"`,
        what: own ? 'its shape does not fit the model' : 'the model has no such parameter',
        ...(own ? { expected: `[${own.dims}]` } : {}),
        found: `[${value.dims}]`,
      })
    graph.initializers.set(name, asFloat32(value))
  }
  return { ...model, graph }
}
