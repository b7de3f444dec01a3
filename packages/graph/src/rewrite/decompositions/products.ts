// Decompositions of the runtime's fused products.

import type { Value } from '../../ir/graph.ts'
import { scale, transposeMatrix } from '../../ops/composite.ts'
import { type Decomposition, type FusedContext, int, required } from './decomposition.ts'

export const products = {
  /** alpha A B, with A and B transposed before. */
  'com.microsoft.FusedMatMul': {
    inputs: [2, 2],
    attributes: {
      alpha: ['float', 1],
      transA: ['int', 0],
      transB: ['int', 0],
      transBatchA: ['int', 0],
      transBatchB: ['int', 0],
    },
    apply: (c) => {
      const product = c.g.MatMul(factor(c, 0, 'A'), factor(c, 1, 'B'))
      const { alpha } = c.attributes
      return [alpha === 1 ? product : scale(c.g, product, Number(alpha))]
    },
  },
} satisfies Record<string, Decomposition>

/** `transBatch` moves the first axis behind the batch axes; `trans` then swaps the last two axes. */
function factor(c: FusedContext, i: number, name: 'A' | 'B'): Value {
  const x = required(c, i)
  const rank = x.shape.length
  if (rank < 2) return x
  const batch = Array.from({ length: rank - 2 }, (_, axis) => axis + 1)
  const moved = int(c, `transBatch${name}`) ? c.g.Transpose(x, { perm: [...batch, 0, rank - 1] }) : x
  return int(c, `trans${name}`) ? transposeMatrix(c.g, moved) : moved
}
