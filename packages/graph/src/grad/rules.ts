// The table of gradient rules: one row per operator, in the file of its family, as in ops/. A missing row does not
// compile; a rule without a finite-difference test fails test/grad/rules.test.ts.

import type { OperatorName } from '../ops/index.ts'
import { convolution } from './convolution.ts'
import { elementwise } from './elementwise.ts'
import { indexing } from './indexing.ts'
import { linalg } from './linalg.ts'
import { movement } from './movement.ts'
import { normalization } from './normalization.ts'
import { reductions } from './reduction.ts'
import type { GradientRule } from './rule.ts'

/** The gradient rule of each operator; `none` where no gradient flows, `unsupported` where there is no rule. */
export const gradientRules: { readonly [Name in OperatorName]: GradientRule } = {
  ...elementwise,
  ...linalg,
  ...movement,
  ...indexing,
  ...reductions,
  ...normalization,

  // convolutions
  Conv: convolution,
  ConvTranspose: 'unsupported', // introduced by differentiation

  // shapes
  Shape: 'none',
  Size: 'none',
  ConstantOfShape: 'none',
  Range: 'none',

  // attention and recurrent operators
  GroupQueryAttention: 'unsupported', // training reads it decomposed
  RNN: 'unsupported', // @cola/rnn trains recurrent operators unrolled
  GRU: 'unsupported',
  LSTM: 'unsupported',
}
