// Quantizes the matrices of products. MatMulNBits computes with them in float32: on CPU, CUDA and WebGPU.

import { requireKind } from '../door.ts'
import { atLeast, callable, type Checks, checkOptions, oneOf, requireOptions, whole } from '../options.ts'
import { cloneGraph, type Graph } from '../ir/graph.ts'
import { consumersOf } from '../ir/uses.ts'
import { quantizeMatrix } from '../tensor/quantize-matrix.ts'
import type { PackedMatrix, Tensor } from '../tensor/tensor.ts'
import { isQuantizable } from './frozen-matrix.ts'
import { type LinearNode, linearNodes } from './linear-nodes.ts'

/** Bits, block size and accuracy level of quantized matrices, and which matrices are quantized. */
export interface QuantizeProductsOptions extends Pick<PackedMatrix, 'bits' | 'blockSize' | 'accuracyLevel'> {
  /** Number of elements below which a matrix stays in float32. */
  readonly minimum: number
  /** Which matrices are quantized. @default all */
  readonly selects?: (product: LinearNode, matrix: Tensor) => boolean
}

const checks: Checks<QuantizeProductsOptions> = {
  bits: oneOf([4, 8]),
  blockSize: whole(1),
  accuracyLevel: whole(0),
  minimum: atLeast(0),
  selects: callable,
}

/**
 * A copy of the graph whose float32 matrices that only products read are packed ({@link Tensor.packed}), with blocks
 * along the inputs of the first product. Matrices that are packed in as many bits stay as they are.
 * @throws {ConfigError} for an option that is unknown, missing or out of its range.
 */
export function quantizeProducts(graph: Graph, options: QuantizeProductsOptions): Graph {
  checkOptions('quantizeProducts', options, checks)
  requireKind('quantizeProducts, graph', graph, 'graph')
  const { bits, blockSize, accuracyLevel, minimum, selects = () => true } = options
  requireOptions('quantizeProducts', options, checks, ['bits', 'blockSize', 'minimum'])
  const consumers = consumersOf(graph)
  const isRead = (weight: string): boolean =>
    (consumers.get(weight) ?? []).every(({ opType }) => ['MatMul', 'Gemm', 'Transpose'].includes(opType))
  const quantized = cloneGraph(graph)
  const done = new Set<string>()
  for (const product of linearNodes(graph).values()) {
    const { weight, transposed } = product
    const matrix = graph.initializers.get(weight) as Tensor
    if (done.has(weight) || matrix.packed?.bits === bits || !isQuantizable(graph, product, minimum)) continue
    if (!isRead(weight) || !selects(product, matrix)) continue
    done.add(weight)
    quantized.initializers.set(
      weight,
      quantizeMatrix(matrix, { bits, blockSize, accuracyLevel, transposed: !transposed, where: weight }),
    )
  }
  return quantized
}
