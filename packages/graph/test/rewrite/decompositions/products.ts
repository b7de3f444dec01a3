// Random forms of fused products.

import type { products } from '../../../src/rewrite/decompositions/products.ts'
import { floats, type Sweep } from './sweep.ts'

export const productSweeps: { readonly [Name in keyof typeof products]: Sweep } = {
  'com.microsoft.FusedMatMul': (draw) => {
    const [M, K, N] = [draw.int(1, 5), draw.int(1, 6), draw.int(1, 5)]
    const batch = draw.pick([[], [3], [2, 3]])
    const [transA, transB] = [draw.int(0, 1), draw.int(0, 1)]
    const moves = batch.length > 0 && draw.flag()
    const [transBatchA, transBatchB] = moves ? [draw.int(0, 1), draw.int(0, 1)] : [0, 0]
    const shape = (rows: number, columns: number, trans: number, transBatch: number): number[] => {
      const [first, last] = trans ? [columns, rows] : [rows, columns]
      return transBatch ? [first, ...batch, last] : [...batch, first, last]
    }
    return {
      attributes: {
        transA,
        transB,
        ...(moves ? { transBatchA, transBatchB } : {}),
        ...(draw.flag() ? { alpha: draw.pick([0.5, -2]) } : {}),
      },
      inputs: [floats(draw, shape(M, K, transA, transBatchA)), floats(draw, shape(K, N, transB, transBatchB))],
    }
  },
}
