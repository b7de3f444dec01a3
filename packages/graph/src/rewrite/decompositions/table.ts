// The table of decompositions: one row per operator that files use and the engine does not differentiate. Each row is
// held against the runtime's own kernel: test/rewrite/decompositions/sweep.test.ts fails for a row without its cases.

import { activations } from './activations.ts'
import { attention } from './attention.ts'
import { convolutions } from './convolutions.ts'
import type { Decomposition } from './decomposition.ts'
import { groupQueryAttention } from './group-query-attention.ts'
import { multiHeadAttention } from './multi-head-attention.ts'
import { normalizations } from './normalizations.ts'
import { oldSoftmax } from './old-softmax.ts'
import { products } from './products.ts'
import { quantized } from './quantized.ts'
import { rotary } from './rotary.ts'

const table = {
  ...activations,
  ...attention,
  ...convolutions,
  ...groupQueryAttention,
  ...multiHeadAttention,
  ...normalizations,
  ...oldSoftmax,
  ...products,
  ...quantized,
  ...rotary,
} satisfies Record<string, Decomposition>

/** The name of an operator with its domain: `com.microsoft.GroupQueryAttention`. */
export type FusedName = keyof typeof table

export const decompositions: { readonly [Name in FusedName]: Decomposition } = table
