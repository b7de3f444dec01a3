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

/** Adds a scalar to minimise to a model's graph, and the inputs it needs (labels); returns the scalar. */
export type Loss = (graph: Graph) => Value
