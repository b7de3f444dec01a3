// Types of optimizers: chains of graph transformations, after optax, each with a state per parameter and a rule that
// turns gradients into updates.

import type { Builder, Value } from '@cola/graph'

/** Numbers of one optimizer step as values of the graph: the learning rate and the step's number. */
export interface OptimizerScalars {
  /** Learning rate of this step, from the schedule. */
  learningRate: Value
  /** Number of this step, from 1, as float32. */
  step: Value
  /** (1 - beta^step)^power, an input that the session computes in float64 and rounds once, as PyTorch does. */
  biasCorrection: (beta: number, power: number) => Value
}

/** An input of the optimizer model that the session computes: (1 - beta^step)^power. */
export interface BiasCorrection {
  readonly input: string
  readonly beta: number
  readonly power: number
}

/** A parameter in a tensor that holds several. */
export interface ParameterPart {
  readonly name: string
  readonly dims: readonly number[]
}

/** A parameter, its gradient and its update, as values of the optimizer graph. */
export interface ParameterUpdate {
  /** Name of the tensor. */
  name: string
  /** The parameters that the tensor holds, one after another: itself, or several small ones. */
  parts: readonly ParameterPart[]
  parameter: Value
  /** The step against the gradient, without the learning rate: parameter - learningRate * update. */
  update: Value
}

/** One link of a chain. Every state tensor has its update's shape and starts at zero. */
export interface Transformation {
  /** Names of the state tensors (slots) that it keeps for each parameter. */
  readonly state: readonly string[]
  /** Adds the link's nodes and returns the new updates. */
  readonly apply: (
    g: Builder,
    updates: readonly ParameterUpdate[],
    scalars: OptimizerScalars,
    slots: StateAccess,
  ) => ParameterUpdate[]
}

/** Reads and writes an optimizer's state in its graph. */
export interface StateAccess {
  /** The state of a tensor in a slot, before the step. */
  read: (name: string, slot: string) => Value
  /** Sets the state after the step. */
  save: (name: string, slot: string, value: Value) => void
}

/**
 * What an optimizer does to an element whose gradient is always zero: nothing, multiply all of them by the same factor,
 * or something else.
 */
export type Undriven = 'fixed' | 'proportional' | 'other'

/** An optimizer: a chain of transformations, then `parameter - learningRate * update`. */
export interface Optimizer {
  readonly name: string
  /** The options as JSON, stored with the artifacts. */
  readonly options: Readonly<Record<string, unknown>>
  readonly chain: readonly Transformation[]
  /** Effect on elements of a parameter that never get a gradient. @default 'other', which is always correct */
  readonly undriven?: (parameter: string) => Undriven
}

/** Names of all state tensors (slots) that an optimizer keeps for a parameter. */
export const stateSlots = ({ chain }: Optimizer): string[] => chain.flatMap(({ state }) => state)
