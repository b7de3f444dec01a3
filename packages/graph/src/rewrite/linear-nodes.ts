// Finds linear layers as exporters write them: a MatMul or Gemm with a matrix, which a Transpose may precede, and then
// an Add of the bias.

import { requireKind } from '../door.ts'
import type { Graph, Node } from '../ir/graph.ts'
import { producersOf, consumersOf } from '../ir/uses.ts'

/** A product with a constant matrix. */
export interface LinearNode {
  /** The MatMul or Gemm. */
  readonly node: Node
  /** Initializer that holds the matrix, which the product reads directly or through a Transpose. */
  readonly weight: string
  /** Whether the matrix is [out, in] (PyTorch's Linear: a Gemm with transB, or a Transpose) or [in, out] (Conv1D). */
  readonly transposed: boolean
  readonly inFeatures: number
  readonly outFeatures: number
  /** Initializer added to the product, by the Gemm or by the only node that reads it. */
  readonly bias: string | undefined
  /** The Add of the bias. */
  readonly add: Node | undefined
}

/** MatMul and Gemm nodes whose second input is a constant matrix, by the name of their output. */
export function linearNodes(graph: Graph): Map<string, LinearNode> {
  requireKind('linearNodes, graph', graph, 'graph')
  const [producers, consumers] = [producersOf(graph), consumersOf(graph)]
  return new Map(
    graph.nodes.flatMap((node) => {
      if ((node.opType !== 'Gemm' && node.opType !== 'MatMul') || node.attributes.transA) return []
      const producer = producers.get(node.inputs[1] ?? '')
      const transpose = producer?.opType === 'Transpose' && swaps(producer) ? producer : undefined
      const weight = transpose?.inputs[0] ?? node.inputs[1] ?? ''
      const dims = graph.initializers.get(weight)?.dims
      if (dims?.length !== 2) return []
      const transposed = Boolean(node.attributes.transB) !== Boolean(transpose)
      const [rows, columns] = dims as [number, number]
      const [inFeatures, outFeatures] = transposed ? [columns, rows] : [rows, columns]
      const output = node.outputs[0] as string
      const biasAdd = biasAddOf(graph, consumers.get(output) ?? [], outFeatures)
      return [
        [
          output,
          {
            node,
            weight,
            transposed,
            inFeatures,
            outFeatures,
            bias: node.inputs[2] ?? biasAdd?.bias,
            add: node.inputs[2] ? undefined : biasAdd?.add,
          },
        ],
      ]
    }),
  )
}

const swaps = ({ attributes: { perm } }: Node): boolean => perm === undefined || String(perm) === '1,0'

/** The only consumer of a product, if it adds a constant vector. */
function biasAddOf(
  graph: Graph,
  [add, ...others]: readonly Node[],
  size: number,
): { add: Node; bias: string } | undefined {
  if (add?.opType !== 'Add' || others.length > 0) return undefined
  const bias = add.inputs.find((name) => graph.initializers.get(name)?.dims.join() === String(size))
  return bias === undefined ? undefined : { add, bias }
}
