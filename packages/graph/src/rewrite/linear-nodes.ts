// Linear layers as exporters write them: MatMul or Gemm with a matrix, perhaps behind a Transpose, then an Add of the
// bias.

import type { Graph, Node } from '../ir/graph.ts'
import { makersOf, readersOf } from '../ir/uses.ts'

/** A product with a matrix that the graph holds. */
export interface LinearNode {
  /** The MatMul or Gemm. */
  readonly node: Node
  /** Initializer that holds the matrix, read as it is or through a Transpose. */
  readonly weight: string
  /**
   * Whether the matrix is [out, in] (PyTorch's Linear: a Gemm with transB, or behind a Transpose) instead of [in, out]
   * (Conv1D).
   */
  readonly transposed: boolean
  readonly in_features: number
  readonly out_features: number
  /** Initializer added to the product, by the Gemm itself or by the one Add that reads it. */
  readonly bias: string | undefined
  /** That Add. */
  readonly add: Node | undefined
}

/** MatMul and Gemm nodes whose second input is a matrix of the graph, by the name of their output. */
export function linearNodes(graph: Graph): Map<string, LinearNode> {
  const [makers, readers] = [makersOf(graph), readersOf(graph)]
  return new Map(
    graph.nodes.flatMap((node) => {
      if ((node.opType !== 'Gemm' && node.opType !== 'MatMul') || node.attributes.transA) return []
      const maker = makers.get(node.inputs[1] ?? '')
      const through = maker?.opType === 'Transpose' && swaps(maker) ? maker : undefined
      const weight = through?.inputs[0] ?? node.inputs[1] ?? ''
      const dims = graph.initializers.get(weight)?.dims
      if (dims?.length !== 2) return []
      const transposed = Boolean(node.attributes.transB) !== Boolean(through)
      const [rows, columns] = dims as [number, number]
      const [in_features, out_features] = transposed ? [columns, rows] : [rows, columns]
      const output = node.outputs[0] as string
      const added = addedAfter(graph, readers.get(output) ?? [], out_features)
      return [
        [
          output,
          {
            node,
            weight,
            transposed,
            in_features,
            out_features,
            bias: node.inputs[2] ?? added?.bias,
            add: node.inputs[2] ? undefined : added?.add,
          },
        ],
      ]
    }),
  )
}

const swaps = ({ attributes: { perm } }: Node): boolean => perm === undefined || String(perm) === '1,0'

/** The one node after a product, where it adds a vector to it. */
function addedAfter(
  graph: Graph,
  [add, ...others]: readonly Node[],
  size: number,
): { add: Node; bias: string } | undefined {
  if (add?.opType !== 'Add' || others.length > 0) return undefined
  const bias = add.inputs.find((name) => graph.initializers.get(name)?.dims.join() === String(size))
  return bias === undefined ? undefined : { add, bias }
}
