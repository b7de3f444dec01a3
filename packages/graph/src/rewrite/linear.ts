// Linear layers as exporters write them (MatMul with a matrix, perhaps behind a Transpose, then an Add of the bias)
// become one Gemm on rows. The matrix stays as it is: a runtime would fold its Transpose into a second copy of every
// weight.

import { cloneGraph, type Graph, getValue, type Node, type Value } from '../ir/graph.ts'
import { makersOf, readersOf } from '../ir/uses.ts'
import { addNode, attributesOf, build } from '../ops/builder.ts'
import { elementCount } from '../tensor/tensor.ts'
import { once } from './once.ts'
import { remake } from './replace.ts'

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

/** A copy of the graph with each MatMul with a matrix that it holds as a Gemm, the bias in it. Names of values stay. */
export function foldLinear(graph: Graph): Graph {
  const linear = linearNodes(graph)
  const folded: Graph = { ...cloneGraph(graph), nodes: [] }
  const g = build(folded)
  /** The rows of a value, the shape to give a product back. */
  const shared = once<Value>()
  const dropped = new Set<Node>()
  for (const node of graph.nodes) {
    if (dropped.has(node)) continue
    const layer = node.opType === 'MatMul' ? linear.get(node.outputs[0] as string) : undefined
    const x = layer && getValue(folded, node.inputs[0] as string)
    const rank = x?.shape.length ?? 0
    if (!layer || !x || rank < 2) {
      folded.nodes.push(node)
      continue
    }
    const add = graph.outputs.includes(node.outputs[0] as string) ? undefined : layer.add
    if (add) dropped.add(add)
    const output = (add ?? node).outputs[0] as string
    const rows = rank === 2 ? x : shared(`rows ${x.name}`, () => g.Reshape(x, g.int64([-1, layer.in_features])))
    const inputs = [rows, getValue(folded, layer.weight), ...(add ? [getValue(folded, layer.bias as string)] : [])]
    const options = { name: node.name, scope: node.scope, attributes: layer.transposed ? { transB: 1 } : {} }
    if (rank === 2) {
      remake(folded, output, 'Gemm', inputs, options)
    } else {
      const product = addNode(folded, 'Gemm', inputs, options)[0] as Value
      const shape = shared(`shape ${x.name} ${layer.out_features}`, () =>
        g.Concat(g.Shape(x, { start: 0, end: rank - 1 }), g.int64([layer.out_features]), { axis: 0 }),
      )
      remake(folded, output, 'Reshape', [product, shape])
    }
  }
  return folded
}
