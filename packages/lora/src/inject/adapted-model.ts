// The type of a model with an adapter, and the replacement of its parameters.

import { requireKind } from '@cola/graph/door'
import { asFloat32, cloneGraph, type Graph, type Model, type Tensor } from '@cola/graph'
import { AdapterError } from '../errors.ts'
import type { ConfigOf, MethodTypes, PeftType } from '../methods/method.ts'
import type { Head } from './head.ts'
import type { TokenTarget } from './tokens.ts'

/** A model with an adapter. The adapter's parameters have PEFT's names. */
export interface AdaptedModel<M extends PeftType = PeftType> extends Model {
  readonly config: ConfigOf<M>
  readonly targets: readonly MethodTypes[M]['target'][]
  /** Embeddings of which some rows are trained in full. */
  readonly tokens: readonly TokenTarget[]
  /**
   * The graph without the adapter. Where the initial adapter takes a part of the base matrices (PiSSA, OLoRA), the base
   * matrices here lack that part.
   */
  readonly base: Graph
  /**
   * Initial values of the parameters that took such a part: an adapter of the unchanged model subtracts them.
   */
  readonly initial: ReadonlyMap<string, Tensor>
  /** Names in the configuration that match nothing in the model, one sentence each. */
  readonly warnings: readonly string[]
  /**
   * Prefix of the graph's names that the adapter's names lack: `bert.` for an adapter of the bare model (AutoModel),
   * else empty.
   */
  readonly omitted: string
  /**
   * Tensors of the adapter's file beside the trained parameters, such as saved embeddings: name in the file to name of
   * the graph's parameter.
   */
  readonly held: ReadonlyMap<string, string>
  /** The head, where it is known. */
  readonly head?: Head
}

/** A model with a LoRA adapter. */
export type LoraModel = AdaptedModel<'LORA'>

/** A model with the description of its head, as `withHead` returns it. */
export type HeadedModel = Model & { readonly head?: Head }

/** The model with the tensors of another one that have the names and shapes of its own. */
export function withTensorsOf(model: Model, { graph: { initializers } }: Model): Model {
  const graph = cloneGraph(model.graph)
  for (const [name, { dims }] of graph.initializers) {
    const value = initializers.get(name)
    if (value?.dims.join() === dims.join()) graph.initializers.set(name, value)
  }
  return { ...model, graph }
}

/**
 * The model with some parameters replaced, such as by trained values; any floating-point type is converted to float32.
 * @throws {AdapterError} for a parameter that the model lacks or that has another shape there.
 */
export function withParameters<M extends Model>(model: M, parameters: ReadonlyMap<string, Tensor>): M {
  requireKind('withParameters, model', model, 'model')
  const graph = cloneGraph(model.graph)
  for (const [name, value] of parameters) {
    const current = graph.initializers.get(name)
    if (current?.dims.join() !== value.dims.join())
      throw new AdapterError({
        where: `parameter "${name}"`,
        what: current ? 'its shape does not fit the model' : 'the model has no such parameter',
        ...(current ? { expected: `[${current.dims}]` } : {}),
        found: `[${value.dims}]`,
      })
    graph.initializers.set(name, asFloat32(value))
  }
  return { ...model, graph }
}
