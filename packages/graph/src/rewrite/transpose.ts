// Transposed products: (A B)' = B' A'. Gradients of attention transpose what a product has just made; transposing its factors is cheaper,
// because a runtime reads a factor in either order for nothing and cannot write a result so.

import { type Graph, type Node, getValue, type Value } from '../ir/graph.ts'
import { makersOf, readersOf } from '../ir/uses.ts'
import { build, type Builder } from '../ops/builder.ts'
import { transposeMatrix } from '../ops/composite.ts'

/**
 * Rewrites Transpose(MatMul(a, b)) as Transpose(MatMul(b', a')) in place, where the outer permutation then leaves the last axis alone and
 * nothing else reads the product. The transpose of a transpose is its source. Call `prune` afterwards.
 */
export function foldTransposes(graph: Graph): void {
  const [makers, readers] = [makersOf(graph), readersOf(graph)]
  const given = new Set(graph.outputs)
  const nodes = graph.nodes
  graph.nodes = []
  const g = build(graph)
  for (const node of nodes) {
    const product = makers.get(node.inputs[0] ?? '')
    const perm = node.attributes.perm as number[] | undefined
    const folds =
      node.opType === 'Transpose' &&
      perm &&
      product?.opType === 'MatMul' &&
      readers.get(node.inputs[0] as string)?.length === 1 &&
      !given.has(node.inputs[0] as string)
    if (!folds || !movesLastAxis(perm) || !isBatched(graph, product)) {
      graph.nodes.push(node)
      continue
    }
    const [a, b] = product.inputs.map((name) => transposed(g, getValue(graph, name), makers)) as [Value, Value]
    const outer = swapLast(perm)
    graph.nodes.push({ ...node, inputs: [g.MatMul(b, a).name], attributes: { perm: outer } })
  }
}

const movesLastAxis = (perm: readonly number[]): boolean => perm.at(-1) === perm.length - 2

/** The permutation to apply to a matrix that has been transposed already. */
const swapLast = (perm: readonly number[]): number[] => perm.map((axis) => (axis === perm.length - 1 ? axis - 1 : axis === perm.length - 2 ? axis + 1 : axis))

/** Whether both factors have the same batch axes, so that swapping them broadcasts nothing anew. */
const isBatched = (graph: Graph, { inputs: [a = '', b = ''] }: Node): boolean =>
  getValue(graph, a).shape.length > 2 && getValue(graph, a).shape.length === getValue(graph, b).shape.length

/** The value with its last two axes swapped: its source, where it is itself such a transpose. */
function transposed(g: Builder, value: Value, makers: ReadonlyMap<string, Node>): Value {
  const maker = makers.get(value.name)
  const perm = maker?.opType === 'Transpose' ? (maker.attributes.perm as number[] | undefined) : undefined
  const undone = perm && swapLast(perm).every((axis, i) => axis === i)
  return undone ? getValue(g.graph, maker?.inputs[0] as string) : transposeMatrix(g, value)
}
