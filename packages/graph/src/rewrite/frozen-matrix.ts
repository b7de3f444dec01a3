// Selects the matrices that are frozen and large enough to be stored, or multiplied, in fewer bits.

import type { Graph } from '../ir/graph.ts'
import { attributesOf } from '../ops/add-node.ts'
import { elementCount } from '../tensor/tensor.ts'
import type { LinearNode } from './linear-nodes.ts'

/** Number of elements below which a matrix stays in float32: it adds little to a file's size or a step's time. */
export const minElements = 4096

/** Whether an initializer is a frozen float32 matrix of at least `minimum` elements. */
export function isFrozenMatrix(graph: Graph, name: string, minimum: number): boolean {
  const data = graph.initializers.get(name)
  return (
    data?.dtype === 'float32' &&
    data.dims.length === 2 &&
    elementCount(data.dims) >= minimum &&
    !graph.inputs.includes(name)
  )
}

/** Whether a product is x W, or x W + b. */
export function isPlainProduct({ node }: LinearNode): boolean {
  const { alpha, beta } = attributesOf(node)
  return node.opType === 'MatMul' || (alpha === 1 && (beta === 1 || !node.inputs[2]))
}

/** Whether a product is x W, or x W + b, with a frozen matrix W of at least `minimum` elements. */
export const isQuantizable = (graph: Graph, product: LinearNode, minimum: number): boolean =>
  isPlainProduct(product) && isFrozenMatrix(graph, product.weight, minimum)
