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

/** What to do about operators that are not in the table, by `domain.opType`; the first pattern that fits decides. */
const advice: readonly (readonly [pattern: RegExp, fix: string])[] = [
  [
    /\.(MoE|QMoE)$/,
    'Mixtures of experts are not computed: take a model of the family that is dense. ' +
      'loadClassifier of @cola/train runs this one as it is.',
  ],
  [
    /\.(LinearAttention|Varlen\w+)$/,
    'Layers that carry a state in place of attention are not computed: take a model whose layers are attention, or ' +
      'short convolutions.',
  ],
  // What quantizing and fusing tools write: operators of a runtime's domains, and ONNX's quantized ones.
  [
    /^com\.|Quantize|Integer$|QLinear/,
    'The file was quantized or fused for inference: read the original export. ' +
      'loadClassifier of @cola/train runs this one as it is.',
  ],
  [/./, 'Export the model without it, or add a row to ops/ and a gradient rule (ARCHITECTURE.md, "Add an operator").'],
]

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
    fix: advice.find(([pattern]) => pattern.test(`${domain}.${opType}`))?.[1],
  })
}
