// Sums of products: A1' B1 + A2' B2 + ... = [A1; A2; ...]' [B1; B2; ...]. The gradient of a weight that is used at
// every time step is such a sum; as one product it reads and writes the weight's shape once instead of once a step.

import { cloneGraph, getValue, type Graph, type Node, type Value } from '../ir/graph.ts'
import { makersOf, readersOf } from '../ir/uses.ts'
import { attributesOf } from '../ops/add-node.ts'
import { build } from '../ops/build.ts'

/**
 * Rewrites each Add tree whose leaves are all plain transA products read by nothing else. Call `prune`
 * afterwards.
 */
export function joinProducts(original: Graph): Graph {
  const graph = cloneGraph(original)
  const [makers, reads] = [makersOf(graph), readersOf(graph)]
  const given = new Set(graph.outputs)
  const isReadOnce = (name: string) => reads.get(name)?.length === 1 && !given.has(name)
  const inner = (node: Node) =>
    isReadOnce(node.outputs[0] as string) && reads.get(node.outputs[0] as string)?.[0]?.opType === 'Add'

  /** The products under an Add, in the order of the sum; undefined where something else is added. */
  const leaves = (root: Node): Node[] | undefined => {
    const found: Node[] = []
    const stack = [root]
    while (stack.length) {
      const node = stack.pop() as Node
      const [left, right] = node.inputs.map((name) => makers.get(name))
      for (const [i, term] of [right, left].entries()) {
        if (!term || !isReadOnce(node.inputs[1 - i] as string)) return undefined
        if (term.opType === 'Add') stack.push(term)
        else if (isProduct(term)) found.push(term)
        else return undefined
      }
    }
    return found.reverse()
  }

  const nodes = graph.nodes
  graph.nodes = []
  const g = build(graph)
  for (const node of nodes) {
    const products = node.opType === 'Add' && !inner(node) ? leaves(node) : undefined
    if (!products) {
      graph.nodes.push(node)
      continue
    }
    const stack = (input: number): Value =>
      g.Concat(...products.map(({ inputs }) => getValue(graph, inputs[input] as string)), { axis: 0 })
    graph.nodes.push({ ...node, opType: 'Gemm', inputs: [stack(0).name, stack(1).name], attributes: { transA: 1 } })
  }
  return graph
}

function isProduct(node: Node): boolean {
  if (node.opType !== 'Gemm' || node.inputs.length !== 2) return false
  const { transA, transB, alpha } = attributesOf(node)
  return transA === 1 && transB === 0 && alpha === 1
}
