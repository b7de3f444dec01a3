// Several adapters on one base model in one session: the matrices of the adapter are inputs of the graph, so that
// switching adapters changes the feeds only.

import { type Checks, checkOptions, checkValue, closestName, number, object, oneOf } from '@cola/graph/options'
import { cloneGraph, type Graph, type Model, widen } from '@cola/graph'
import type { Batch } from '@cola/train'
import { AdapterError, ConfigError } from '../errors.ts'
import type { AdaptedModel, LoraModel } from '../inject/adapted-model.ts'
import { adaptableLayers } from '../inject/inspect.ts'
import { requireModel } from '../inject/require-model.ts'
import { headWeight, tiedHeads, untie } from '../inject/tied.ts'
import { methodOf } from '../methods/methods.ts'
import type { Adapter } from './files.ts'
import { isAdapter, loadAdapter } from './load.ts'
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
  /** Names of the adapters. */
  readonly adapters: readonly A[]
  /**
   * The feeds that select an adapter, or none. They are created once, so that switching costs nothing.
   * @throws {AdapterError} for a name that is not one of the adapters; {ConfigError} for an unknown option.
   */
  readonly feeds: (adapter?: string, options?: { scale?: number }) => Batch
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
  for (const name of names) checkValue(`switchable, adapters, "${name}"`, adapters[name], isAdapter)
  const model = withZeroBiases({ ...original, graph: widen(original.graph) }, Object.values(adapters))
  const loaded = new Map(
    names.map((name) => [name, requireSwitchable(name, loadNamed(model, name, adapters[name] as Adapter))]),
  )
  const all = [...loaded.values()]
  const rank = all.flatMap(({ targets }) => targets).reduce((greatest, { r }) => Math.max(greatest, r), 0)
  const base = untieTrained(model, all)
  const targetsOf = targetsByLayer(base.graph)
  const targets = new Map(all.flatMap((adapted) => [...targetsOf(adapted)]))
  const saved = [
    ...new Set(
      all.flatMap(({ trainable, held }) =>
        [...trainable, ...held.values()].filter((name) => base.graph.initializers.has(name)),
      ),
    ),
  ]
  const has = (field: 'use_dora' | 'lora_bias') => all.some(({ config }) => config[field])
  const differences = { use_dora: has('use_dora'), lora_bias: has('lora_bias') }
  const switched: Switched = { base: base.graph, targets, saved, rank, ...differences }
  const graph = inputs === 'required' ? requiredInputs(switched) : overridableInputs(switched)
  const arrays = new Map<string | undefined, Batch>([[undefined, feedsOf(base, new Map(), switched)]])
  for (const [name, adapted] of loaded) arrays.set(name, feedsOf(adapted, targetsOf(adapted), switched))
  return {
    graph,
    rank,
    adapters: names,
    feeds: (adapter, given = {}) => {
      checkOptions('feeds', given, { scale: number })
      const { scale = 1 } = given
      const feeds = arrays.get(adapter)
      if (!feeds)
        throw new AdapterError({
          where: `adapter "${adapter}"`,
          what: 'not one of this model',
          expected: names.join(', '),
          ...meant(String(adapter), names),
        })
      return { ...feeds, ...(inputs === 'required' ? { lora_scale: { data: Float32Array.of(scale), dims: [] } } : {}) }
    },
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
