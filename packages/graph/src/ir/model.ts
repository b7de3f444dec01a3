// The small structural types in which the packages meet.

import type { Tensor } from '../tensor/tensor.ts'
import type { Graph, Value } from './graph.ts'

/** A graph with named parameters (its floating-point initializers), some of which training may change. */
export interface Model {
  readonly graph: Graph
  /** Names of the initializers that training changes; all others are frozen. */
  readonly trainable: ReadonlySet<string>
  /** Further rows of trainable matrices, which no input reads: weight decay alone moves them. @default none */
  readonly unseenRows?: ReadonlyMap<string, Tensor>
}

/**
 * What a loss is a mean over. It follows from a batch alone, so that losses and gradients of several batches can be put
 * together as those of one large batch: the rows of a value (its first dimension), or the labels that are not -100,
 * weighted by class where there are weights.
 */
export type MeanOver =
  | { readonly rows: string }
  | { readonly labels: string; readonly logits: string; readonly weight?: readonly number[] }

/** Adds a scalar to minimise, a mean, to a model's graph, and the inputs it needs (labels); returns the scalar. */
export interface Loss {
  (graph: Graph): Value
  /** @default the rows of the model's first output */
  readonly meanOver?: MeanOver
  /** The losses whose sum this is, where they are means over different things. */
  readonly terms?: readonly Loss[]
}
