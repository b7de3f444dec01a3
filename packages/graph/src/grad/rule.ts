// Types of a gradient rule and its context.

import type { Attributes, Value } from '../ir/graph.ts'
import type { Builder } from '../ops/build.ts'

/** What a gradient rule is given: a node's inputs and outputs, and the gradients of its outputs. */
export interface RuleContext {
  /** Inputs of the node; null for an omitted optional input. */
  readonly x: readonly (Value | null)[]
  /** Outputs of the node. */
  readonly y: readonly Value[]
  /** Gradient of the loss with respect to the first output. */
  readonly dy: Value
  /** Gradients with respect to all outputs; null if the loss does not depend on an output. */
  readonly dys: readonly (Value | null)[]
  /** Attributes with their defaults. */
  readonly attributes: Attributes
  /** Operator and name of the node, for errors. */
  readonly where: string
  /** Builder that adds to the graph. Nodes that no gradient uses are pruned, so a rule may build all its terms. */
  readonly g: Builder
}

/**
 * dL/dinputs from dL/doutputs, one entry per input; null: no gradient flows there. `differentiate` undoes broadcasting.
 */
export type Rule = (context: RuleContext) => (Value | null)[]

/**
 * `'none'`: the output is an integer, boolean or piecewise constant, so no gradient flows through the operator.
 * `'unsupported'`: the operator has a gradient, but no rule exists.
 */
export type GradientRule = Rule | 'none' | 'unsupported'
