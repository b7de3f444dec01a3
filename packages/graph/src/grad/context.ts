// What rules take from their context.

import { UnsupportedOperatorError } from '../errors.ts'
import type { Value } from '../ir/graph.ts'
import { cast, scalarLike } from '../ops/composite.ts'
import type { RuleContext } from './rule.ts'

export const input = ({ x }: RuleContext, i = 0): Value => x[i] as Value
export const output = ({ y }: RuleContext, i = 0): Value => y[i] as Value

/** A boolean as 0 or 1 in the element type of dy. */
export const mask = ({ g, dy }: RuleContext, condition: Value): Value => cast(g, condition, dy.dtype)

export const one = ({ g, dy }: RuleContext): Value => scalarLike(g, dy, 1)

/** @throws {UnsupportedOperatorError} for another value of an attribute than those that a rule is for. */
export function requireForm({ where, attributes }: RuleContext, attribute: string, values: readonly unknown[]): void {
  const value = attributes[attribute]
  if (values.includes(value)) return
  throw new UnsupportedOperatorError({
    where,
    what: `no gradient rule with ${attribute} ${value}, and a trainable value lies below it`,
    expected: values.join(' or '),
    fix: 'Freeze what lies below it, or export the model without it.',
  })
}
