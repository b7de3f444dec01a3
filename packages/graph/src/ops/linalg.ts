// Rows of matrix products.

import { ShapeError } from '../errors.ts'
import { type Dim, divDims, mulDims } from '../ir/dim.ts'
import type { Shape } from '../ir/graph.ts'
import { broadcastShapes, input, int, type InferContext, type Operator } from './operator.ts'

/** @throws {ShapeError} when two known inner dimensions differ. */
function sameInner(c: InferContext, a: Dim | undefined, b: Dim | undefined): void {
  if (typeof a === 'number' && typeof b === 'number' && a !== b) {
    const [x, w] = [input(c, 0), input(c, 1)]
    throw new ShapeError({
      where: c.where,
      what: `inner dimensions of "${x.name}" [${x.shape}] and "${w.name}" [${w.shape}] differ`,
      expected: String(a),
      found: String(b),
      fix: 'Is the weight transposed?',
    })
  }
}

function matMulShape(c: InferContext): Shape {
  const [a, b] = [input(c, 0).shape, input(c, 1).shape]
  if (a.length === 0 || b.length === 0) throw new ShapeError({ where: c.where, what: 'MatMul of a scalar' })
  const left = a.length === 1 ? [1, ...a] : a
  const right = b.length === 1 ? [...b, 1] : b
  sameInner(c, left.at(-1), right.at(-2))
  const batch = broadcastShapes([left.slice(0, -2), right.slice(0, -2)], c.where)
  const rows = a.length === 1 ? [] : [left.at(-2) as Dim]
  const columns = b.length === 1 ? [] : [right.at(-1) as Dim]
  return [...batch, ...rows, ...columns]
}

export const linalg = {
  MatMul: {
    inputs: [2, 2],
    attributes: {},
    same: 'all',
    infer: (c) => [{ dtype: input(c, 0).dtype, shape: matMulShape(c) }],
  },
  Gemm: {
    inputs: [2, 3],
    attributes: { alpha: ['float', 1], beta: ['float', 1], transA: ['int', 0], transB: ['int', 0] },
    same: 'all',
    infer: (c) => {
      const [a, b] = [input(c, 0), input(c, 1)]
      if (a.shape.length !== 2 || b.shape.length !== 2)
        throw new ShapeError({ where: c.where, what: 'Gemm needs matrices', found: `[${a.shape}] and [${b.shape}]` })
      const [rows, innerA] = int(c, 'transA') ? [a.shape[1], a.shape[0]] : a.shape
      const [innerB, columns] = int(c, 'transB') ? [b.shape[1], b.shape[0]] : b.shape
      sameInner(c, innerA, innerB)
      return [{ dtype: a.dtype, shape: [rows as Dim, columns as Dim] }]
    },
  },
  /**
   * A product with a quantized matrix [N, K]: codes [N, K / block_size, block_size bits / 8], one scale per block. An
   * operator of ONNX Runtime.
   */
  MatMulNBits: {
    inputs: [3, 6],
    attributes: { K: ['int'], N: ['int'], bits: ['int', 4], block_size: ['int'], accuracy_level: ['int', 0] },
    domain: 'com.microsoft',
    same: [0, 2],
    infer: (c) => {
      const { dtype, shape } = input(c, 0)
      sameInner(c, shape.at(-1), int(c, 'K'))
      return [{ dtype, shape: [...shape.slice(0, -1), int(c, 'N')] }]
    },
  },
  /**
   * Rows of a quantized matrix [N, K] along its first axis: codes [N, K bits / 8], scales [N, K / block_size]. An
   * operator of ONNX Runtime.
   */
  GatherBlockQuantized: {
    inputs: [3, 4],
    attributes: {
      bits: ['int', 4],
      block_size: ['int', 128],
      gather_axis: ['int', 0],
      quantize_axis: ['int', 1],
    },
    domain: 'com.microsoft',
    infer: (c) => {
      const [codes, ids, scales] = [input(c, 0), input(c, 1), input(c, 2)]
      const width = divDims(mulDims(codes.shape[1] ?? 0, 8), int(c, 'bits')) ?? c.unknownDim()
      return [{ dtype: scales.dtype, shape: [...ids.shape, width] }]
    },
  },
  /**
   * A (B scale) + bias, with A [.., K] quantized at run time with one scale, and B [K, N] in int8. An operator of ONNX
   * Runtime, on CPU and WASM.
   */
  DynamicQuantizeMatMul: {
    inputs: [3, 5],
    attributes: {},
    domain: 'com.microsoft',
    same: [0, 2, 4],
    infer: (c) => [{ dtype: 'float32', shape: matMulShape(c) }],
  },
} satisfies Record<string, Operator>
