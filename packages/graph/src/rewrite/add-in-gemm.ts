// Lets a Gemm add what is added to its product: A B + C is one kernel.

import { sameShape } from '../ir/dim.ts'
import type { Graph } from '../ir/graph.ts'
import { eitherOrder, replaceNodes } from './replace-nodes.ts'

/** Rewrites Add(Gemm(a, b), c) as Gemm(a, b, c), where nothing else reads the product. */
export const addInGemm = (graph: Graph): Graph =>
  replaceNodes(graph, ({ opType, inputs, outputs }, { onlyFor, value, replace }) => {
    if (opType !== 'Add') return undefined
    const { shape } = value(outputs[0] as string)
    for (const [term, other] of eitherOrder(inputs)) {
      const product = onlyFor(term, 'Gemm')
      const addend = value(other)
      if (!product || product.inputs[2] || !sameShape(value(term).shape, shape)) continue
      if (addend.shape.length === 0 || addend.shape.length > 2) continue
      return replace('Gemm', [...product.inputs.slice(0, 2).map(value), addend], {
        ...product.attributes,
        beta: 1,
      })
    }
    return undefined
  })
