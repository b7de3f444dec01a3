// Which matrices never change and are large enough to be kept, or multiplied, in fewer bits.

import type { Graph } from '../ir/graph.ts'
import { attributesOf } from '../ops/add-node.ts'
import { elementCount } from '../tensor/tensor.ts'
import type { LinearNode } from './linear-nodes.ts'

/** Elements below which a matrix stays in float32: it is not what a file is large of, or what a step takes long for. */
export const smallestMatrix = 4096

/** Whether an initializer is a float32 matrix that never changes, of at least `smallest` elements. */
export function isFrozenMatrix(graph: Graph, name: string, smallest: number): boolean {
  const data = graph.initializers.get(name)
  return (
    data?.dtype === 'float32' &&
    data.dims.length === 2 &&
    elementCount(data.dims) >= smallest &&
    !graph.inputs.includes(name)
  )
}

/** Whether a product is x W, or x W + b, with such a matrix. */
export function isQuantizable(graph: Graph, { node, weight }: LinearNode, smallest: number): boolean {
  const { alpha, beta } = attributesOf(node)
  const plain = node.opType === 'MatMul' || (alpha === 1 && (beta === 1 || !node.inputs[2]))
  return plain && isFrozenMatrix(graph, weight, smallest)
}
