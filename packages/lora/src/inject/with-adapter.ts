// An adapter at every targeted linear layer or embedding of any graph.

import { type Checks, checkOptions, checkValue, integer, shareBelow1 } from '@cola/graph/options'
import { addInitializer, cloneGraph, type Graph, rewriteOutputs, type Tensor, widen } from '@cola/graph'
import { ConfigError } from '../errors.ts'
import type { LoraConfig } from '../methods/lora.ts'
import type { AdapterConfigJson, ConfigOf, PeftType } from '../methods/method.ts'
import { methodOf } from '../methods/methods.ts'
import { isAllLinear } from '../methods/patterns.ts'
import type { Target } from '../methods/target.ts'
import type { AdaptedModel, HeadedModel, LoraModel } from './adapted-model.ts'
import { type AdapterConfig, type MethodIn, parseAdapterConfig, refuseUnknownFields } from './config.ts'
import { withDefaultModules } from './defaults.ts'
import type { Head } from './head.ts'
import { type AdaptableLayer, adaptableLayers } from './inspect.ts'
import { requireModel } from './require-model.ts'
import { isSavedModule, nestedSaved, savedParameters, withTaskHeads } from './saved.ts'
import { isTarget, requireTargets } from './target.ts'
import { staysTied, tiedHeads, untie } from './tied.ts'
import { tokenTargets, trainedRowsName, trainRows } from './tokens.ts'
import { modulesOf, unmatched } from './unmatched.ts'

/** Options of {@link withAdapter}. */
export interface AdapterOptions {
  /**
   * Seed of the initial values. They leave the outputs of the model unchanged, unless the configuration asks otherwise.
   * @default 0
   */
  seed?: number
}

const checks: Checks<AdapterOptions> = { seed: integer }

/**
 * Adds an adapter to a copy of the model. A model in float16, bfloat16 or float64 is computed in float32.
 * Trainable are the adapter's parameters, the rows that `trainable_token_indices` names, those of `modules_to_save`
 * (for SEQ_CLS and TOKEN_CLS always the head `score` or `classifier`), and the biases that `bias` names. With
 * FEATURE_EXTRACTION, names are those of the bare model, as PEFT has them for AutoModel.
 * @param config PEFT's fields; `peft_type` says the method. @default of `peft_type`: 'LORA'
 * @throws {ConfigError} when the configuration is not valid or matches no layer, and for an unknown option.
 */
export function withAdapter<Config extends AdapterConfig>(
  model: HeadedModel,
  config: Config,
  options: AdapterOptions = {},
): AdaptedModel<MethodIn<Config>> {
  checkOptions('withAdapter', options, checks)
  const { seed = 0 } = options
  refuseUnknownFields(config)
  const checked = parseAdapterConfig(config)
  refuseWholeDropout(checked)
  requireModel('withAdapter', model)
  return inject(model, checked, { seed, omitted: omittedFor(checked.task_type, model.graph) })
}

/** Prefix of the graph's names that names of a task's adapter lack: PEFT takes the bare model for embeddings. */
export const omittedFor = (task_type: AdapterConfigJson['task_type'], graph: Graph): string =>
  task_type === 'FEATURE_EXTRACTION' ? barePrefix(graph) : ''

/** @throws {ConfigError} for a dropout that drops everything: nothing would be learned. Files may have it. */
function refuseWholeDropout(config: AdapterConfigJson): void {
  for (const [name, value] of Object.entries(config))
    if (name.endsWith('_dropout')) checkValue(`adapter configuration, field "${name}"`, value, shareBelow1)
}

/** {@link withAdapter} for LoRA. */
export const lora = (model: HeadedModel, config: LoraConfig, options: AdapterOptions = {}): LoraModel =>
  withAdapter(model, config, options)

/**
 * {@link withAdapter} with a checked configuration.
 * @param options `omitted`: prefix of the graph's names that the configuration's names lack. `loading`: the initial
 * values are placeholders, which the values of a file replace.
 */
export function inject<M extends PeftType>(
  model: HeadedModel,
  requested: ConfigOf<M>,
  { seed = 0, omitted = '', loading = false }: { seed?: number; omitted?: string; loading?: boolean } = {},
): AdaptedModel<M> {
  const method = methodOf(requested)
  const wide = widen(model.graph)
  const [graph, base] = [cloneGraph(wide), cloneGraph(wide)]
  const withHeads = withTaskHeads(requested)
  const { modules_to_save } = withHeads
  const configName = (module: string): string => withoutPrefix(module, omitted)
  for (const head of tiedHeads(graph))
    if (
      !staysTied(withHeads) &&
      [head.module, head.embedding].some((module) => isSavedModule(modules_to_save, configName(module)))
    )
      for (const copy of [graph, base]) untie(copy, head)
  const layers = adaptableLayers(graph).map((layer) => ({ ...layer, module: configName(layer.module) }))
  const checked = withoutSaved(withDefaultModules(withHeads, graph, layers), layers)
  // Keyed by the node's output: exporters omit or repeat the names of nodes.
  const targets = new Map(
    layers
      .filter((layer) => isTarget(checked, layer))
      .map((layer) => [layer.node.outputs[0] as string, targetOf(checked, layer)]),
  )
  // A layer that is called several times (ALBERT's) has one adapter.
  const list = [...new Map([...targets.values()].map((target) => [target.module, target])).values()]
  requireTargets(
    list.map(({ module }) => module),
    checked,
    layers.map(({ module }) => module),
  )
  refuseTied(graph, list, checked)
  const adapted = new Set(list.map(({ module }) => module))
  const tokens = tokenTargets(
    graph,
    checked,
    (module) => adapted.has(configName(module)) || isSavedModule(modules_to_save, configName(module)),
  ).map((target) => ({ ...target, module: configName(target.module) }))
  for (const target of tokens) trainRows(graph, target)
  for (const [name, value] of method.shared.values(checked, list)) addInitializer(graph, name, value)
  const initial = new Map<string, Tensor>()
  const initialized = new Set<string>()
  const initialConfig = loading ? method.loaded(checked) : checked
  const adapt = method.adapt(checked)
  rewriteOutputs(graph, (node, output, g) => {
    const target = targets.get(node.outputs[0] as string)
    if (!target) return undefined
    if (!initialized.has(target.module)) {
      const weight = graph.initializers.get(target.weight) as Tensor
      const { values, base: residual } = method.firstValues(target, initialConfig, { weight, seed })
      for (const [name, value] of values) addInitializer(graph, name, value)
      if (residual) {
        for (const copy of [graph, base]) copy.initializers.set(target.weight, residual)
        for (const [name, value] of values) initial.set(name, value)
      }
      initialized.add(target.module)
    }
    return adapt(g, node, output, target)
  })
  const added = [
    ...list.flatMap((target) => method.names(target, checked)),
    ...tokens.map(({ module }) => trainedRowsName(module)),
  ]
  const modules = [...modulesOf(base.initializers.keys()).map(configName), ...layers.map(({ module }) => module)]
  const trainable = new Set([...added, ...savedParameters(base, list, checked, configName)])
  const warnings = [
    ...unmatched(checked, { modules, layers, targets: [...adapted] }),
    ...nestedSaved(modules_to_save, [...new Set(modules)]),
    ...untrainedHead(model.head, trainable),
  ]
  return {
    graph,
    trainable,
    config: checked as ConfigOf<M>,
    targets: list as readonly Target[] as AdaptedModel<M>['targets'],
    tokens,
    base,
    initial,
    warnings,
    omitted,
    held: new Map(),
    ...(model.head ? { head: model.head } : {}),
  }
}

/** A warning where the head is not trained: a new head would stay random. */
function untrainedHead(head: Head | undefined, trainable: ReadonlySet<string>): string[] {
  if (!head || [...trainable].some((name) => name.startsWith(`${head.name}.`))) return []
  return [
    `modules_to_save: the head "${head.name}" is not among what is trained and keeps its first values; ` +
      "task_type 'SEQ_CLS' trains it",
  ]
}

/** The name that an adapter has for a module of the graph. */
export const withoutPrefix = (name: string, prefix: string): string =>
  name.startsWith(prefix) ? name.slice(prefix.length) : name

/**
 * The prefix that the names of all parameters share: the `bert.` of a bare model, transformers' base_model_prefix.
 * Empty where the model has a head beside the base model.
 */
function barePrefix({ initializers }: Graph): string {
  const names = [...initializers.keys()].filter((name) => /^[A-Za-z_].*\.(weight|bias)$/.test(name))
  const prefixes = new Set(names.map((name) => name.slice(0, name.indexOf('.') + 1)))
  return prefixes.size === 1 ? ([...prefixes][0] as string) : ''
}

/**
 * The configuration with the modules that are trained in full excluded from `all-linear`: PEFT can adapt a layer or
 * save it, not both.
 * @throws {ConfigError} for a layer that the configuration names for both.
 */
function withoutSaved(config: AdapterConfigJson, layers: readonly AdaptableLayer[]): AdapterConfigJson {
  const targets = layers.filter((layer) => isTarget(config, layer))
  const isSaved = ({ module }: AdaptableLayer): boolean => isSavedModule(config.modules_to_save, module)
  const both = targets.filter(isSaved).map(({ module }) => module)
  if (both.length === 0) return config
  const { target_modules, exclude_modules } = config
  const { title, configClass, schema } = methodOf(config)
  const excludes = Object.hasOwn(schema.entries, 'exclude_modules')
  if (!isAllLinear(target_modules))
    throw new ConfigError({
      where: `${configClass}, field "target_modules"`,
      what: `${both.map((module) => `"${module}"`).join(', ')} would get ${title} and be trained in full`,
      found: `modules_to_save ${JSON.stringify(config.modules_to_save)}, whose names are endings`,
      fix: excludes
        ? `Leave it out of ${title}: exclude_modules: ${JSON.stringify(both)}.`
        : 'Name the other targets in full.',
    })
  if (!excludes)
    return { ...config, target_modules: targets.filter((layer) => !isSaved(layer)).map(({ module }) => module) }
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
 * @throws {ConfigError} for LoRA on a tied embedding with `ensure_weight_tying`, where PEFT shares the transposed
 * matrices of the adapter with the head.
 */
function refuseTied(graph: Graph, targets: readonly Target[], { ensure_weight_tying }: AdapterConfigJson): void {
  if (!ensure_weight_tying) return
  const shared = new Set(tiedHeads(graph).map(({ weight }) => weight))
  const tied = targets.find(({ weight }) => shared.has(weight))
  if (tied)
    throw new ConfigError({
      where: `LoraConfig, field "ensure_weight_tying", module "${tied.module}"`,
      what: 'not supported for LoRA on an embedding that shares its matrix with a head',
      fix: 'Train without it, or merge the adapter with PEFT.',
    })
}

/** @throws {ConfigError} for a layer that the method cannot adapt. */
function targetOf(config: AdapterConfigJson, { node: _, ...layer }: AdaptableLayer): Target {
  return methodOf(config).target(config, layer)
}
