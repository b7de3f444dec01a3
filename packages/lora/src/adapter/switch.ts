// Several adapters on one base model in one session: the matrices of the adapter are inputs of the graph, so that
// switching adapters changes the feeds only.

import { type Checks, checkOptions, checkValue, closestName, number, object, oneOf, text } from '@cola/graph/options'
import { cloneGraph, type Graph, type Model, widen } from '@cola/graph'
import type { Batch } from '@cola/train'
import { AdapterError, ConfigError } from '../errors.ts'
import type { AdaptedModel, LoraModel } from '../inject/adapted-model.ts'
import { adaptableLayers } from '../inject/inspect.ts'
import { requireModel } from '../inject/require-model.ts'
import { headWeight, tiedHeads, untie } from '../inject/tied.ts'
import { methodOf } from '../methods/methods.ts'
import type { Adapter } from './files.ts'
import { type Needs, requireFit } from './fits-switch.ts'
import { isAdapter } from './is-adapter.ts'
import { loadAdapter } from './load.ts'
import { isLora, plainAdapter } from './plain-adapter.ts'
import { feedsOf } from './switch-feeds.ts'
import { overridableInputs, requiredInputs, type Switched, type Targets } from './switch-inputs.ts'
import { withZeroBiases } from './zero-biases.ts'

/** A model with several adapters as inputs, of which each run takes one. @typeParam A Names of the adapters. */
export interface SwitchableModel<A extends string = string> {
  /**
   * The base model with two more inputs for each layer, A [in, rank] and B [rank, out], under PEFT's names, and the
   * scalar `lora_scale`. Where an adapter is DoRA, layers have `lora_mag_norm_scale` [out] too, which is
   * m / ||W + scaling B A||; where one has `lora_bias`, `lora_B.bias` [out].
   */
  readonly graph: Graph
  /** Rank that all adapters are padded to. */
  readonly rank: number
  /** Names of the adapters that are there. */
  readonly adapters: readonly A[]
  /**
   * The feeds that select an adapter, or none. They are created once, so that switching costs nothing.
   * @throws {AdapterError} for a name that is not one of the adapters; {ConfigError} for an unknown option.
   */
  readonly feeds: (adapter?: string, options?: { scale?: number }) => Batch
  /**
   * Adds an adapter, or replaces the one of its name: other feeds for the same graph.
   * @throws {AdapterError} for one that does not fit the model, cannot be switched, or for which the graph has no
   * inputs: its rank is greater than `rank`, or it adapts or saves what no adapter did at first.
   */
  readonly loadAdapter: (name: string, adapter: Adapter) => void
  /** Frees an adapter's arrays. @throws {AdapterError} for a name that is not one of the adapters. */
  readonly deleteAdapter: (name: string) => void
}

/** Options of {@link switchable}. */
export interface SwitchableOptions {
  /**
   * `required` inputs, for JavaScript; `overridable` inputs with a default of rank 0 (no adapter), for the adapters of
   * native ONNX Runtime.
   * @default 'required'
   */
  inputs?: 'required' | 'overridable'
}

/** Checks of {@link SwitchableOptions}. */
export const switchableChecks: Checks<SwitchableOptions> = {
  inputs: oneOf(['required', 'overridable'] satisfies SwitchableOptions['inputs'][]),
}

/**
 * Builds a model whose adapters are inputs. Heads and other modules saved in full are inputs too.
 * @throws {AdapterError} without adapters, for one that does not fit the model, for trained tokens, and for another
 * method than LoRA; {ConfigError} for an option that is unknown or out of its range.
 */
export function switchable<A extends string>(
  original: Model,
  adapters: Readonly<Record<A, Adapter>>,
  options: SwitchableOptions = {},
): SwitchableModel<A> {
  checkOptions('switchable', options, switchableChecks)
  requireModel('switchable', original)
  checkValue('switchable, adapters', adapters, object)
  const { inputs = 'required' } = options
  const names = Object.keys(adapters) as A[]
  if (names.length === 0) throw new AdapterError({ where: 'switchable', what: 'no adapters', expected: 'at least one' })
  for (const name of names) {
    checkValue('switchable, adapters, a name', name, text)
    checkValue(`switchable, adapters, "${name}"`, adapters[name], isAdapter)
  }
  const model = withZeroBiases({ ...original, graph: widen(original.graph) }, Object.values(adapters))
  const open = (name: string, adapter: Adapter) => requireSwitchable(name, loadNamed(model, name, adapter))
  const loaded = new Map(names.map((name) => [name, open(name, adapters[name] as Adapter)]))
  const all = [...loaded.values()]
  const base = untieTrained(model, all)
  const targetsOf = targetsByLayer(base.graph)
  const needs = needsOf(all, targetsOf)
  const switched: Switched = { base: base.graph, ...needs }
  const graph = inputs === 'required' ? requiredInputs(switched) : overridableInputs(switched)
  const none = feedsOf(base, new Map(), switched)
  const arrays = new Map<string, Batch>()
  const keep = (name: string, adapted: LoraModel) => arrays.set(name, feedsOf(adapted, targetsOf(adapted), switched))
  for (const [name, adapted] of loaded) keep(name, adapted)
  const arraysOf = (adapter: string): Batch => {
    const found = arrays.get(adapter)
    if (found) return found
    const there = [...arrays.keys()]
    throw new AdapterError({
      where: `adapter "${adapter}"`,
      ...(there.length > 0
        ? { what: 'not one of this model', expected: there.join(', ') }
        : { what: 'not one of this model, which has none' }),
      ...meant(String(adapter), there),
    })
  }
  return {
    graph,
    rank: needs.rank,
    get adapters() {
      return [...arrays.keys()] as A[]
    },
    feeds: (adapter, given = {}) => {
      checkOptions('feeds', given, { scale: number })
      const { scale = 1 } = given
      const feeds = adapter === undefined ? none : arraysOf(adapter)
      return { ...feeds, ...(inputs === 'required' ? { lora_scale: { data: Float32Array.of(scale), dims: [] } } : {}) }
    },
    loadAdapter: (name, adapter) => {
      checkValue('loadAdapter, name', name, text)
      checkValue(`loadAdapter, adapter "${name}"`, adapter, isAdapter)
      const adapted = open(name, adapter)
      requireFit(name, needsOf([adapted], targetsOf), needs)
      keep(name, adapted)
    },
    deleteAdapter: (name) => {
      arraysOf(name)
      arrays.delete(name)
    },
  }
}

/** What a graph needs inputs for, by its adapters. */
function needsOf(adapters: readonly LoraModel[], targetsOf: (adapted: LoraModel) => Targets): Needs {
  const has = (field: 'use_dora' | 'lora_bias') => adapters.some(({ config }) => config[field] === true)
  const saved = adapters.flatMap(({ base, trainable, held }) =>
    [...trainable, ...held.values()].filter((name) => base.initializers.has(name)),
  )
  return {
    targets: new Map(adapters.flatMap((adapted) => [...targetsOf(adapted)])),
    saved: [...new Set(saved)],
    rank: adapters.flatMap(({ targets }) => targets).reduce((greatest, { r }) => Math.max(greatest, r), 0),
    use_dora: has('use_dora'),
    lora_bias: has('lora_bias'),
  }
}

/** What to do about a name that is close to one of those that there are. */
function meant(name: string, names: readonly string[]): { fix?: string } {
  const closest = closestName(name, names)
  return closest === undefined ? {} : { fix: `Did you mean "${closest}"?` }
}

/** @throws {AdapterError} naming the adapter, for what `loadAdapter` refuses. */
function loadNamed(model: Model, name: string, adapter: Adapter): AdaptedModel {
  try {
    return loadAdapter(model, adapter)
  } catch (cause) {
    if (!(cause instanceof AdapterError || cause instanceof ConfigError)) throw cause
    throw new AdapterError({ ...cause.problem, where: `adapter "${name}", ${cause.problem.where}` }, { cause })
  }
}

/** @throws {AdapterError} for an adapter of another method, or one with trained tokens. */
function requireSwitchable(name: string, model: AdaptedModel): LoraModel {
  const reason =
    methodOf(model.config).unswitchable(model.config) ??
    (model.tokens.length > 0 ? 'trained tokens cannot be switched' : undefined)
  if (reason !== undefined || !isLora(model))
    throw new AdapterError({
      where: `adapter "${name}"`,
      what: reason ?? 'cannot be switched',
      fix: 'Merge it into a copy of the base model.',
    })
  return model.initial.size > 0 ? plainAdapter(model) : model
}

/**
 * An adapter's targets, keyed by the graph's names of their layers. The names of an adapter of the bare model lack the
 * base model's prefix.
 */
function targetsByLayer(base: Graph): (adapted: LoraModel) => Targets {
  const modules = new Set(adaptableLayers(base).map(({ module }) => module))
  return ({ omitted, targets }) =>
    new Map(
      targets.map((target) => [modules.has(omitted + target.module) ? omitted + target.module : target.module, target]),
    )
}

/**
 * The base model with heads untied from the embeddings where an adapter trains one of the two but not the shared
 * matrix.
 */
function untieTrained(model: Model, adapters: readonly LoraModel[]): Model {
  const graph = cloneGraph(model.graph)
  for (const head of tiedHeads(graph))
    if (adapters.some(({ base }) => base.initializers.has(headWeight(head)))) untie(graph, head)
  return { ...model, graph }
}
