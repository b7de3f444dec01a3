// Optimizers as composable graph transformations, after optax: a state per parameter and a rule that turns gradients
// into updates.

import type { Builder, Value } from '@cola/graph'

export interface OptimizerScalars {
  /** Learning rate of this step, from the schedule. */
  learningRate: Value
  /** Number of this step, from 1, as float32. */
  step: Value
}

/** A parameter's place in a tensor that holds several. */
export interface ParameterPart {
  readonly name: string
  readonly dims: readonly number[]
}

export interface ParameterUpdate {
  /** Name of the tensor. */
  name: string
  /** The parameters that it holds, one after another: itself, or several small ones. */
  parts: readonly ParameterPart[]
  parameter: Value
  /** What the parameter will be reduced by, before the learning rate. */
  update: Value
}

/** One link of a chain. Every state tensor has its update's shape and starts at zero. */
export interface Transformation {
  readonly state: readonly string[]
  /** Adds the nodes; `read(name, slot)` gives the old state, `save` names the new. */
  readonly apply: (
    g: Builder,
    updates: readonly ParameterUpdate[],
    scalars: OptimizerScalars,
    slots: StateAccess,
  ) => ParameterUpdate[]
}

export interface StateAccess {
  read: (name: string, slot: string) => Value
  save: (name: string, slot: string, value: Value) => void
}

/**
 * What an optimizer does to an element whose gradient is always zero: nothing, multiply it by what all others are
 * multiplied by, or something else.
 */
export type Undriven = 'fixed' | 'proportional' | 'other'

/**
 * An optimizer: a chain of transformations, then `parameter - learningRate * update`. Serializable options for the
 * record.
 */
export interface Optimizer {
  readonly name: string
  readonly options: Readonly<Record<string, unknown>>
  readonly chain: readonly Transformation[]
  /** What it does to a parameter's elements that never see a gradient. @default 'other', which is always right */
  readonly undriven?: (parameter: string) => Undriven
}

/** Names of all state tensors that an optimizer keeps for a parameter. */
export const stateSlots = ({ chain }: Optimizer): string[] => chain.flatMap(({ state }) => state)
