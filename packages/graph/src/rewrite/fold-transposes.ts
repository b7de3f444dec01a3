// Folds transposes of products: (A B)' = B' A'. Gradients of attention transpose products; to transpose the factors is
// cheaper, because a runtime reads a factor in either order at no cost and writes results in one order only.

import { requireKind } from '../door.ts'
import { cloneGraph, getValue, type Graph, type Node, type Value } from '../ir/graph.ts'
import { producersOf, consumersOf } from '../ir/uses.ts'
import { build } from '../ops/build.ts'
import { transposeMatrix } from '../ops/composite.ts'

/**
 * Rewrites Transpose(MatMul(a, b)) as Transpose(MatMul(b', a')) if the outer permutation then keeps the last axis and
 * nothing else reads the product; removes pairs of inverse transposes; and separates the swap of a factor's last two
 * axes into its own node, which a runtime fuses with the product. Call `prune` afterwards.
 */
export function foldTransposes(original: Graph): Graph {
  requireKind('foldTransposes, original', original, 'graph')
  const graph = cloneGraph(original)
  separateSwaps(graph)
  dropInverses(graph)
  transposeFactors(graph)
  dropInverses(graph)
  return graph
}

/**
 * Drops identity transposes and those that are the inverse of the transpose before. Other pairs are not composed:
 * runtimes fuse a swap of the last axes with the product that reads it.
 */
function dropInverses(graph: Graph): void {
  const producers = producersOf(graph)
  const outputs = new Set(graph.outputs)
  const replaced = new Map<string, string>()
  graph.nodes = graph.nodes.flatMap((original) => {
    const node = { ...original, inputs: original.inputs.map((name) => replaced.get(name) ?? name) }
    const [output, input] = [node.outputs[0] as string, node.inputs[0] as string]
    if (node.opType !== 'Transpose' || outputs.has(output)) return [node]
    const outer = permutationOf(graph, node)
    const producer = producers.get(input)
    const inner = producer?.opType === 'Transpose' ? permutationOf(graph, producer) : undefined
    if (outer.every((axis, i) => axis === i)) replaced.set(output, input)
    else if (inner && outer.every((axis, i) => inner[axis] === i))
      replaced.set(output, replaced.get(producer?.inputs[0] as string) ?? (producer?.inputs[0] as string))
    else return [node]
    return []
  })
}

const permutationOf = (graph: Graph, { inputs, attributes }: Node): readonly number[] =>
  (attributes.perm as number[] | undefined) ??
  getValue(graph, inputs[0] as string).shape.map((_, i, { length }) => length - 1 - i)

function transposeFactors(graph: Graph): void {
  const [producers, consumers] = [producersOf(graph), consumersOf(graph)]
  const outputs = new Set(graph.outputs)
  const nodes = graph.nodes
  graph.nodes = []
  const g = build(graph)
  for (const node of nodes) {
    const product = producers.get(node.inputs[0] ?? '')
    const perm = node.attributes.perm as number[] | undefined
    const folds =
      node.opType === 'Transpose' &&
      perm &&
      product?.opType === 'MatMul' &&
      consumers.get(node.inputs[0] as string)?.length === 1 &&
      !outputs.has(node.inputs[0] as string)
    if (!folds || !movesLastAxis(perm) || !isBatched(graph, product)) {
      graph.nodes.push(node)
      continue
    }
    const [a, b] = product.inputs.map((name) => transposeMatrix(g, getValue(graph, name))) as [Value, Value]
    const outer = swapLast(perm)
    graph.nodes.push({ ...node, inputs: [g.MatMul(b, a).name], attributes: { perm: outer } })
  }
}

/** Splits the permutation of a product's factor, such as [0, 2, 3, 1], into [0, 2, 1, 3] and the swap [0, 1, 3, 2]. */
function separateSwaps(graph: Graph): void {
  const consumers = consumersOf(graph)
  const nodes = graph.nodes
  graph.nodes = []
  const g = build(graph)
  for (const node of nodes) {
    const perm = node.opType === 'Transpose' ? permutationOf(graph, node) : []
    const [first, [beforeLast, last]] = [perm.slice(0, -2), perm.slice(-2)] as [number[], [number, number]]
    const isFactor = consumers.get(node.outputs[0] as string)?.some(({ opType }) => opType === 'MatMul')
    if (!isFactor || beforeLast !== perm.length - 1 || last === beforeLast - 1) {
      graph.nodes.push(node)
      continue
    }
    const moved = g.Transpose(getValue(graph, node.inputs[0] as string), { perm: [...first, last, beforeLast] })
    graph.nodes.push({ ...node, inputs: [moved.name], attributes: { perm: swapLast(perm.map((_, i) => i)) } })
  }
}

const movesLastAxis = (perm: readonly number[]): boolean => perm.at(-1) === perm.length - 2

/** A permutation composed with the swap of the last two axes. */
const swapLast = (perm: readonly number[]): number[] =>
  perm.map((axis) => (axis === perm.length - 1 ? axis - 1 : axis === perm.length - 2 ? axis + 1 : axis))

/** Whether both factors have the same batch axes, so that swapping them changes no broadcasting. */
const isBatched = (graph: Graph, { inputs: [a = '', b = ''] }: Node): boolean =>
  getValue(graph, a).shape.length > 2 && getValue(graph, a).shape.length === getValue(graph, b).shape.length
