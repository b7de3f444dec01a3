// Transposed products: (A B)' = B' A'. Gradients of attention transpose what a product has just made; transposing its
// factors is cheaper, because a runtime reads a factor in either order for nothing and cannot write a result so.

import { cloneGraph, getValue, type Graph, type Node, type Value } from '../ir/graph.ts'
import { makersOf, readersOf } from '../ir/uses.ts'
import { build } from '../ops/build.ts'
import { transposeMatrix } from '../ops/composite.ts'

/**
 * Rewrites Transpose(MatMul(a, b)) as Transpose(MatMul(b', a')), where the outer permutation then leaves the
 * last axis alone and nothing else reads the product; drops transposes that undo one another; and gives a factor's swap
 * of its last two axes a node of its own, which costs nothing there. Call `prune` afterwards.
 */
export function foldTransposes(original: Graph): Graph {
  const graph = cloneGraph(original)
  separateSwaps(graph)
  dropUndone(graph)
  transposeFactors(graph)
  dropUndone(graph)
  return graph
}

/**
 * Drops transposes that move nothing, or only undo the one before. Others stay two: runtimes fuse a swap of the last
 * axes with the product that reads it.
 */
function dropUndone(graph: Graph): void {
  const makers = makersOf(graph)
  const given = new Set(graph.outputs)
  const same = new Map<string, string>()
  graph.nodes = graph.nodes.flatMap((node) => {
    const read = { ...node, inputs: node.inputs.map((name) => same.get(name) ?? name) }
    const [output, input] = [read.outputs[0] as string, read.inputs[0] as string]
    if (read.opType !== 'Transpose' || given.has(output)) return [read]
    const outer = permutationOf(graph, read)
    const inner = makers.get(input)
    const before = inner?.opType === 'Transpose' ? permutationOf(graph, inner) : undefined
    if (outer.every((axis, i) => axis === i)) same.set(output, input)
    else if (before && outer.every((axis, i) => before[axis] === i))
      same.set(output, same.get(inner?.inputs[0] as string) ?? (inner?.inputs[0] as string))
    else return [read]
    return []
  })
}

const permutationOf = (graph: Graph, { inputs, attributes }: Node): readonly number[] =>
  (attributes.perm as number[] | undefined) ??
  getValue(graph, inputs[0] as string).shape.map((_, i, { length }) => length - 1 - i)

function transposeFactors(graph: Graph): void {
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
    const [a, b] = product.inputs.map((name) => transposeMatrix(g, getValue(graph, name))) as [Value, Value]
    const outer = swapLast(perm)
    graph.nodes.push({ ...node, inputs: [g.MatMul(b, a).name], attributes: { perm: outer } })
  }
}

/**
 * Of a permutation of a product's factor such as [0, 2, 3, 1], the swap at its end: [0, 2, 1, 3] and then [0, 1, 3, 2].
 */
function separateSwaps(graph: Graph): void {
  const readers = readersOf(graph)
  const nodes = graph.nodes
  graph.nodes = []
  const g = build(graph)
  for (const node of nodes) {
    const perm = node.opType === 'Transpose' ? permutationOf(graph, node) : []
    const [first, [beforeLast, last]] = [perm.slice(0, -2), perm.slice(-2)] as [number[], [number, number]]
    const isFactor = readers.get(node.outputs[0] as string)?.some(({ opType }) => opType === 'MatMul')
    if (!isFactor || beforeLast !== perm.length - 1 || last === beforeLast - 1) {
      graph.nodes.push(node)
      continue
    }
    const moved = g.Transpose(getValue(graph, node.inputs[0] as string), { perm: [...first, last, beforeLast] })
    graph.nodes.push({ ...node, inputs: [moved.name], attributes: { perm: swapLast(perm.map((_, i) => i)) } })
  }
}

const movesLastAxis = (perm: readonly number[]): boolean => perm.at(-1) === perm.length - 2

/** The permutation to apply to a matrix that has been transposed already. */
const swapLast = (perm: readonly number[]): number[] =>
  perm.map((axis) => (axis === perm.length - 1 ? axis - 1 : axis === perm.length - 2 ? axis + 1 : axis))

/** Whether both factors have the same batch axes, so that swapping them broadcasts nothing anew. */
const isBatched = (graph: Graph, { inputs: [a = '', b = ''] }: Node): boolean =>
  getValue(graph, a).shape.length > 2 && getValue(graph, a).shape.length === getValue(graph, b).shape.length
