// Types that the packages share: a model with trainable parameters, and a loss.

import type { Tensor } from '../tensor/tensor.ts'
import type { Graph, Value } from './graph.ts'

/** A graph with named parameters (its floating-point initializers), some of which training may change. */
export interface Model {
  readonly graph: Graph
  /** Names of the initializers that training changes; all others are frozen. */
  readonly trainable: ReadonlySet<string>
  /** Rows of trainable matrices that are outside of the graph, because no input reads them. @default none */
  readonly unseenRows?: ReadonlyMap<string, Tensor>
}

/**
 * What a loss is a mean over: the rows of a value (its first dimension), or the labels that are not -100, weighted by
 * class if `weight` is set. It follows from a batch alone, so that losses and gradients of several batches can be
 * combined into those of one large batch.
 */
export type MeanOver =
  | { readonly rows: string }
  | { readonly labels: string; readonly logits: string; readonly weight?: readonly number[] }

/** Adds the scalar to minimise (a mean) and the inputs it needs (labels) to a model's graph; returns the scalar. */
export interface Loss {
  (graph: Graph): Value
  /** @default the rows of the model's first output */
  readonly meanOver?: MeanOver
  /** The losses whose sum this loss is, if they are means over different things. */
  readonly terms?: readonly Loss[]
  /**
   * The outputs of the model with this loss: values that the loss adds. What nothing else reads is not computed.
   * @default the model's
   */
  readonly outputs?: readonly string[]
}
