// Type of a row of the table of decompositions, and the context that a row works in.

import { UnsupportedOperatorError } from '../../errors.ts'
import type { Attribute, Attributes, Node, Value } from '../../ir/graph.ts'
import type { Builder } from '../../ops/build.ts'
import type { AttributeRow } from '../../ops/operator.ts'
import type { Tensor } from '../../tensor/tensor.ts'

export interface FusedContext {
  readonly g: Builder
  readonly node: Node
  /** Inputs in the operator's order; undefined for an omitted optional input. */
  readonly x: readonly (Value | undefined)[]
  /** Attributes with the defaults of the row. */
  readonly attributes: Attributes
  /** Whether an output is asked for. */
  readonly wants: (output: number) => boolean
  /** The tensor of an input that is an initializer. */
  readonly tensorOf: (value: Value | undefined) => Tensor | undefined
}

/** How a fused operator is computed by operators of the table, each with a gradient rule. */
export interface Decomposition {
  /** Minimum and maximum number of inputs. */
  readonly inputs: readonly [number, number]
  /** Attributes with types and defaults; others are refused. */
  readonly attributes: Readonly<Record<string, AttributeRow>>
  /** The values of an attribute that are computed, where not all are. */
  readonly supported?: Readonly<Record<string, readonly Attribute[]>>
  /** Whether the row applies to a node, or an operator of the table does. @default always */
  readonly when?: (node: Node) => boolean
  /**
   * Adds the nodes and returns the outputs, undefined for one that is not computed.
   * @throws {UnsupportedOperatorError | ShapeError} for a form that is not supported, see {@link unsupported}.
   */
  readonly apply: (context: FusedContext) => readonly (Value | undefined)[]
}

/** Input `i`. @throws {UnsupportedOperatorError} when it is omitted. */
export function required(c: FusedContext, i: number): Value {
  const value = c.x[i]
  if (!value) throw unsupported(c, `input ${i} is missing`)
  return value
}

export const int = ({ attributes }: FusedContext, name: string): number => Number(attributes[name])

/** The error for a form of an operator that is not supported; names the node. */
export const unsupported = (
  { node }: Pick<FusedContext, 'node'>,
  what: string,
  more: { expected?: string; found?: string; fix?: string } = {},
): UnsupportedOperatorError =>
  new UnsupportedOperatorError({
    where: `node "${node.name}", operator ${fusedName(node)}`,
    what,
    ...more,
  })

/** Name of a node's operator with its domain, which is omitted for ai.onnx. */
export const fusedName = ({ domain, opType }: Pick<Node, 'domain' | 'opType'>): string =>
  domain === '' ? opType : `${domain}.${opType}`
