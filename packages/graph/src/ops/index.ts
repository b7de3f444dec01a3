// The table: one row per operator that this library reads, shapes and (see grad/rules.ts) differentiates.

import { UnsupportedOperatorError } from '../errors.ts'
import { elementwise } from './elementwise.ts'
import { linalg } from './linalg.ts'
import { movement } from './movement.ts'
import { normalization } from './normalization.ts'
import type { Operator } from './operator.ts'
import { recurrents } from './recurrent.ts'
import { reductions } from './reduction.ts'

const table = {
  ...elementwise,
  ...linalg,
  ...movement,
  ...reductions,
  ...normalization,
  ...recurrents,
} satisfies Record<string, Operator>

export const operators: { readonly [Name in keyof typeof table]: Operator } = table

/** Name of an operator in the table, as the ONNX specification spells it. */
export type OperatorName = keyof typeof operators

/** Whether the table has a row of this name. */
export const isOperator = (opType: string): opType is OperatorName => Object.hasOwn(operators, opType)

/**
 * What tools that quantize, fuse or lay out anew write: operators of the runtime's own domains, and ONNX's of quantized
 * values.
 */
const forInference = /^com\.|Quantize|Integer$|QLinear/

/**
 * The row of an operator.
 * @throws {UnsupportedOperatorError} naming the node and what to do.
 */
export function operatorOf(opType: string, domain: string, node: string): Operator {
  if (isOperator(opType) && (operators[opType].domain ?? '') === domain) return operators[opType]
  throw new UnsupportedOperatorError({
    where: `node "${node}"`,
    what: `operator ${domain ? `${domain}.` : ''}${opType} is not in the table`,
    fix: forInference.test(`${domain}.${opType}`)
      ? 'The file was quantized or fused for inference: read the export that it was made of. loadClassifier of @cola/train runs it as it is.'
      : 'Export the model without it, or add a row to ops/ and a gradient rule (ARCHITECTURE.md, "Add an operator").',
  })
}
