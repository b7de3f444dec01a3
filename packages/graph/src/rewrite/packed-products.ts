// Products with matrices in 4 or 8 bits on values with any number of axes: MatMulNBits takes them as they are.

import { sameShape } from '../ir/dim.ts'
import { cloneGraph, type Graph, getValue, type Node, type Shape, type Value } from '../ir/graph.ts'
import { producersOf } from '../ir/uses.ts'
import { build } from '../ops/build.ts'
import { replaceProducer } from './rewrite-outputs.ts'

/**
 * A copy in which products with packed matrices read values and not their rows: the Reshape to rows before a Gemm and
 * the one after it go, as `packMatrices` makes MatMulNBits of the product. Call `prune` afterwards.
 */
export function packedProducts(original: Graph): Graph {
  const graph: Graph = { ...cloneGraph(original), nodes: [] }
  const producers = producersOf(original)
  const g = build(graph)
  for (const node of original.nodes) {
    const gemm = node.opType === 'Reshape' ? producers.get(node.inputs[0] as string) : undefined
    const rows = gemm && isPacked(original, gemm) ? producers.get(gemm.inputs[0] as string) : undefined
    const x = rows?.opType === 'Reshape' ? getValue(original, rows.inputs[0] as string) : undefined
    const output = getValue(original, node.outputs[0] as string)
    if (!gemm || !x || !isSameGrid(x.shape, output.shape)) {
      graph.nodes.push(node)
      continue
    }
    const [, weight, bias] = gemm.inputs.map((name) => getValue(graph, name))
    const { name, scope } = gemm
    const factors = [x, g.Transpose(weight as Value, { perm: [1, 0] })]
    if (bias) replaceProducer(graph, output.name, 'Add', [g.MatMul(...factors), bias], { scope })
    else replaceProducer(graph, output.name, 'MatMul', factors, { name, scope })
  }
  return graph
}

/** Whether a node is x W', or x W' + b, with a packed matrix [out, in]. */
function isPacked({ initializers }: Graph, { opType, inputs, attributes }: Node): boolean {
  const { alpha = 1, beta = 1, transA = 0, transB = 0 } = attributes
  const isPlain = opType === 'Gemm' && alpha === 1 && beta === 1 && transA === 0 && transB === 1
  return isPlain && initializers.get(inputs[1] as string)?.packed?.transposed === false
}

const isSameGrid = (a: Shape, b: Shape): boolean => sameShape(a.slice(0, -1), b.slice(0, -1))
