// Numbers in constants of one element, and values that repeat them.

import type { Graph } from '../ir/graph.ts'
import { elementCount, toFloat32 } from '../tensor/tensor.ts'
import type { Surroundings } from './replace-nodes.ts'

/** The number in a constant of one element. */
export function constantNumber(graph: Graph, name: string): number | undefined {
  const data = graph.initializers.get(name)
  const isNumber = data?.dtype === 'float32' && elementCount(data.dims) === 1 && !graph.inputs.includes(name)
  return isNumber ? (toFloat32(data)[0] as number) : undefined
}

/** Whether a value is an Expand of 1. */
export function isOnes(name: string, { g, producer }: Surroundings): boolean {
  const node = producer(name)
  return node?.opType === 'Expand' && constantNumber(g.graph, node.inputs[0] as string) === 1
}
