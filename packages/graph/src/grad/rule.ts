// What a gradient rule is.

import type { Attributes, Value } from '../ir/graph.ts'
import type { Builder } from '../ops/build.ts'

export interface RuleContext {
  /** Inputs of the node; null where omitted. */
  readonly x: readonly (Value | null)[]
  /** Outputs of the node. */
  readonly y: readonly Value[]
  /** Gradient of the loss with respect to the first output. */
  readonly dy: Value
  /** The same for every output; null where the loss does not depend on it. */
  readonly dys: readonly (Value | null)[]
  /** Attributes with their defaults. */
  readonly attributes: Attributes
  /** Builder that adds to the graph. Nodes that no needed gradient uses are pruned, so a rule may build them all. */
  readonly g: Builder
}

/** dL/dinputs given dL/doutputs, one entry an input; null: no gradient flows there. Un-broadcasting is the walker's. */
export type Rule = (context: RuleContext) => (Value | null)[]

/**
 * `'none'`: the operator's output is an integer, a comparison or piecewise constant, so no gradient flows through it.
 * `'unsupported'`: it has a gradient, and nobody has written it yet.
 */
export type GradientRule = Rule | 'none' | 'unsupported'
