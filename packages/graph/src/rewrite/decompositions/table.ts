// The table of decompositions: one row per operator that files use and the engine does not differentiate. Each row is
// held against the runtime's own kernel: test/rewrite/decompositions/sweep.test.ts fails for a row without its cases.

import { activations } from './activations.ts'
import { attention } from './attention.ts'
import type { Decomposition } from './decomposition.ts'
import { normalizations } from './normalizations.ts'
import { oldSoftmax } from './old-softmax.ts'
import { products } from './products.ts'
import { quantized } from './quantized.ts'

const table = {
  ...activations,
  ...attention,
  ...normalizations,
  ...oldSoftmax,
  ...products,
  ...quantized,
} satisfies Record<string, Decomposition>

/** The name of an operator with its domain: `com.microsoft.GroupQueryAttention`. */
export type FusedName = keyof typeof table

export const decompositions: { readonly [Name in FusedName]: Decomposition } = table
