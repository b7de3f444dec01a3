// The operator table: one row per operator that this library reads, infers and (see grad/rules.ts) differentiates.

import { UnsupportedOperatorError } from '../errors.ts'
import { attention } from './attention.ts'
import { convolutions } from './convolution.ts'
import { einsum } from './einsum.ts'
import { elementwise } from './elementwise.ts'
import { indexing } from './indexing.ts'
import { linalg } from './linalg.ts'
import { movement } from './movement.ts'
import { normalization } from './normalization.ts'
import type { Operator } from './operator.ts'
import { recurrents } from './recurrent.ts'
import { reductions } from './reduction.ts'
import { shapes } from './shapes.ts'

const table = {
  ...elementwise,
  ...linalg,
  ...einsum,
  ...convolutions,
  ...movement,
  ...indexing,
  ...shapes,
  ...reductions,
  ...normalization,
  ...recurrents,
  ...attention,
} satisfies Record<string, Operator>

/** The table of operators: inputs, attributes with types and defaults, and the rule of shapes. */
export const operators: { readonly [Name in keyof typeof table]: Operator } = table

/** Name of an operator in the table, as the ONNX specification spells it. */
export type OperatorName = keyof typeof operators

/** Whether the table has a row with this name. */
export const isOperator = (opType: string): opType is OperatorName => Object.hasOwn(operators, opType)

/** Operators that quantizing and fusing tools write: those of a runtime's domains, and ONNX's quantized ones. */
const forInference = /^com\.|Quantize|Integer$|QLinear/

/**
 * The row of an operator.
 * @param node Name of the node, for errors.
 * @throws {UnsupportedOperatorError} naming the node, if the table has no such row.
 */
export function operatorOf(opType: string, domain: string, node: string): Operator {
  if (isOperator(opType) && (operators[opType].domain ?? '') === domain) return operators[opType]
  throw new UnsupportedOperatorError({
    where: `node "${node}"`,
    what: `operator ${domain ? `${domain}.` : ''}${opType} is not in the table`,
    fix: forInference.test(`${domain}.${opType}`)
      ? 'The file was quantized or fused for inference: read the original export. ' +
        'loadClassifier of @cola/train runs this one as it is.'
      : 'Export the model without it, or add a row to ops/ and a gradient rule (ARCHITECTURE.md, "Add an operator").',
  })
}
