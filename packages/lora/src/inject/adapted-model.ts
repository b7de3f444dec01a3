// A model with an adapter in it.

import { asFloat32, cloneGraph, type Graph, type Model, type Tensor } from '@cola/graph'
import { AdapterError } from '../errors.ts'
import type { ConfigOf, MethodTypes, PeftType } from '../methods/method.ts'
import type { Head } from './head.ts'
import type { TokenTarget } from './tokens.ts'

/** A model with an adapter in it. Adapter parameters have PEFT's names. */
export interface AdaptedModel<M extends PeftType = PeftType> extends Model {
  readonly config: ConfigOf<M>
  readonly targets: readonly MethodTypes[M]['target'][]
  /** Embeddings of which some rows are trained in full. */
  readonly tokens: readonly TokenTarget[]
  /**
   * The graph without the adapter; where the adapter started with a part of the base matrices (PiSSA, OLoRA), without
   * that part.
   */
  readonly base: Graph
  /**
   * First values of the parameters where they took that part: what must be taken off again for an adapter of the
   * unchanged model.
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

/** A model with LoRA in it. */
export type LoraModel = AdaptedModel<'LORA'>

/** A model that may say what its head is, as `withHead` leaves it. */
export type HeadedModel = Model & { readonly head?: Head }

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
