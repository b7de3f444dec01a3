// Several adapters on one base model in one session: the matrices of the adapter are inputs of the graph, so that
// switching adapters changes the feeds only.

import { type Checks, checkOptions, checkValue, number, object, oneOf } from '@cola/graph/options'
import {
  addInitializer,
  addInput,
  cloneGraph,
  elementCount,
  float32,
  getValue,
  type Graph,
  type Model,
  rewriteOutputs,
  type Tensor,
  toFloat32,
  type Value,
  widen,
} from '@cola/graph'
import type { Batch } from '@cola/train'
import { AdapterError } from '../errors.ts'
import type { AdaptedModel, LoraModel } from '../inject/adapted-model.ts'
import { adaptableLayers } from '../inject/inspect.ts'
import { requireModel } from '../inject/require-model.ts'
import { headWeight, tiedHeads, untie } from '../inject/tied.ts'
import { loraNames, type LoraTarget } from '../methods/lora/matrices.ts'
import { methodOf } from '../methods/methods.ts'
import type { Adapter } from './files.ts'
import { isAdapter, loadAdapter } from './load.ts'
import { isLora, plainAdapter } from './plain-adapter.ts'
import { withZeroBiases } from './zero-biases.ts'

/** A model with several adapters as inputs, of which each run takes one. */
export interface SwitchableModel {
  /**
   * The base model with two more inputs for each layer, A [in, rank] and B [rank, out], under PEFT's names, and the
   * scalar `lora_scale`.
   */
  readonly graph: Graph
  /** Rank that all adapters are padded to. */
  readonly rank: number
  /** Names of the adapters. */
  readonly adapters: readonly string[]
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
 * @throws {AdapterError} without adapters, for one that does not fit the model, and for one that is not plain LoRA, such
 * as DoRA or another method; {ConfigError} for an option that is unknown or out of its range.
 */
export function switchable(
  original: Model,
  adapters: Readonly<Record<string, Adapter>>,
  options: SwitchableOptions = {},
): SwitchableModel {
  checkOptions('switchable', options, switchableChecks)
  requireModel('switchable', original)
  checkValue('switchable, adapters', adapters, object)
  const { inputs = 'required' } = options
  const names = Object.keys(adapters)
  if (names.length === 0) throw new AdapterError({ where: 'switchable', what: 'no adapters', expected: 'at least one' })
  for (const name of names) checkValue(`switchable, adapters, "${name}"`, adapters[name], isAdapter)
  const model = withZeroBiases({ ...original, graph: widen(original.graph) }, Object.values(adapters))
  const loaded = new Map(names.map((name) => [name, requirePlain(name, loadAdapter(model, adapters[name] as Adapter))]))
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
  const graph =
    inputs === 'required'
      ? requiredInputs(base.graph, targets, saved, rank)
      : overridableInputs(base.graph, targets, saved)
  const arrays = new Map<string | undefined, Batch>([[undefined, feedsOf(base, new Map(), targets, saved, rank)]])
  for (const [name, adapted] of loaded) arrays.set(name, feedsOf(adapted, targetsOf(adapted), targets, saved, rank))
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
        })
      return { ...feeds, ...(inputs === 'required' ? { lora_scale: { data: Float32Array.of(scale), dims: [] } } : {}) }
    },
  }
}

/** @throws {AdapterError} for an adapter that is not a sum of products. */
function requirePlain(name: string, model: AdaptedModel): LoraModel {
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

type Targets = ReadonlyMap<string, LoraTarget>

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

/** Adds y + lora_scale (x A) B after each target; `declare` adds the inputs. */
function injectProducts(base: Graph, targets: Targets, declare: (graph: Graph) => void, scaled: boolean): Graph {
  const graph = cloneGraph(base)
  declare(graph)
  const modules = new Map(adaptableLayers(base).map(({ node, module }) => [node.outputs[0] as string, module]))
  rewriteOutputs(graph, (node, output, g) => {
    const target = targets.get(modules.get(node.outputs[0] as string) ?? '')
    if (!target) return undefined
    const [a, b] = loraNames(target).map((name) => getValue(graph, name)) as [Value, Value]
    const [first, second] = node.inputs.map((name) => getValue(graph, name)) as [Value, Value]
    const low = target.kind === 'embedding' ? g.Gather(a, second) : g.MatMul(first, a)
    const delta = g.MatMul(low, b)
    return g.Add(output, scaled ? g.Mul(delta, getValue(graph, 'lora_scale')) : delta)
  })
  return graph
}

function requiredInputs(base: Graph, targets: Targets, saved: readonly string[], rank: number): Graph {
  return injectProducts(
    base,
    targets,
    (graph) => {
      addInput(graph, 'lora_scale', 'float32', [])
      for (const target of targets.values()) {
        const { inFeatures, outFeatures } = target
        const [a, b] = loraNames(target)
        addInput(graph, a, 'float32', [inFeatures, rank])
        addInput(graph, b, 'float32', [rank, outFeatures])
      }
      for (const name of saved) {
        graph.initializers.delete(name)
        graph.inputs.push(name)
      }
    },
    true,
  )
}

function overridableInputs(base: Graph, targets: Targets, saved: readonly string[]): Graph {
  return injectProducts(
    base,
    targets,
    (graph) => {
      const overridable = (name: string, data: Tensor, shape: readonly (number | string)[]) => {
        const value = addInitializer(graph, name, data)
        graph.values.set(name, { ...value, shape })
        graph.inputs.push(name)
      }
      for (const target of targets.values()) {
        const { inFeatures, outFeatures } = target
        const [a, b] = loraNames(target)
        overridable(a, float32([inFeatures, 0], []), [inFeatures, 'rank'])
        overridable(b, float32([0, outFeatures], []), ['rank', outFeatures])
      }
      graph.inputs.push(...saved)
    },
    false,
  )
}

/**
 * A model's A [in, rank] and B [rank, out], padded with zeros, the scaling in B; zeros for layers without an adapter.
 */
function feedsOf(model: Model, adapted: Targets, targets: Targets, saved: readonly string[], rank: number): Batch {
  const heads = new Map(tiedHeads(model.graph).map((head) => [headWeight(head), head.weight]))
  const batch: Record<string, { data: Float32Array; dims: number[] }> = {}
  for (const [layer, common] of targets) {
    const { inFeatures, outFeatures } = common
    const [nameA, nameB] = loraNames(common)
    const [a, b] = [new Float32Array(inFeatures * rank), new Float32Array(rank * outFeatures)]
    const target = adapted.get(layer)
    if (target) {
      const [A, B] = loraNames(target).map((name) => toFloat32(model.graph.initializers.get(name) as Tensor)) as [
        Float32Array,
        Float32Array,
      ]
      for (let k = 0; k < target.r; k++) {
        for (let i = 0; i < inFeatures; i++) a[i * rank + k] = A[k * inFeatures + i] as number
        for (let o = 0; o < outFeatures; o++) b[k * outFeatures + o] = target.scaling * (B[o * target.r + k] as number)
      }
    }
    batch[nameA] = { data: a, dims: [inFeatures, rank] }
    batch[nameB] = { data: b, dims: [rank, outFeatures] }
  }
  for (const name of saved) {
    const value = (model.graph.initializers.get(name) ?? model.graph.initializers.get(heads.get(name) ?? '')) as Tensor
    batch[name] = { data: toFloat32(value).slice(0, elementCount(value.dims)), dims: [...value.dims] }
  }
  return batch
}
