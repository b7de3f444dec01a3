// Joins sums of products: A1' B1 + A2' B2 + ... = [A1; A2; ...]' [B1; B2; ...]. The gradient of a weight that is used
// at every time step is such a sum; one product writes a matrix of the weight's shape once, not once per time step.

import { requireKind } from '../door.ts'
import { cloneGraph, getValue, type Graph, type Node, type Value } from '../ir/graph.ts'
import { producersOf, consumersOf } from '../ir/uses.ts'
import { attributesOf } from '../ops/add-node.ts'
import { build } from '../ops/build.ts'

/** Rewrites each tree of Adds whose leaves are all transA products that nothing else reads. Call `prune` afterwards. */
export function joinProducts(original: Graph): Graph {
  requireKind('joinProducts, original', original, 'graph')
  const graph = cloneGraph(original)
  const [producers, consumers] = [producersOf(graph), consumersOf(graph)]
  const outputs = new Set(graph.outputs)
  const isReadOnce = (name: string) => consumers.get(name)?.length === 1 && !outputs.has(name)
  const isInner = (node: Node) =>
    isReadOnce(node.outputs[0] as string) && consumers.get(node.outputs[0] as string)?.[0]?.opType === 'Add'

  /** The products below an Add, in the order of the sum; undefined if one of its terms is not a product. */
  const leavesOf = (root: Node): Node[] | undefined => {
    const leaves: Node[] = []
    const stack = [root]
    while (stack.length) {
      const node = stack.pop() as Node
      const [left, right] = node.inputs.map((name) => producers.get(name))
      for (const [i, term] of [right, left].entries()) {
        if (!term || !isReadOnce(node.inputs[1 - i] as string)) return undefined
        if (term.opType === 'Add') stack.push(term)
        else if (isProduct(term)) leaves.push(term)
        else return undefined
      }
    }
    return leaves.reverse()
  }

  const nodes = graph.nodes
  graph.nodes = []
  const g = build(graph)
  for (const node of nodes) {
    const products = node.opType === 'Add' && !isInner(node) ? leavesOf(node) : undefined
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
