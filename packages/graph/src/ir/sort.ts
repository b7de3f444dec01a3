// The order that ONNX demands of nodes: every value made before it is used.

import { GraphError } from '../errors.ts'
import type { Graph, Node } from './graph.ts'
import { makersOf } from './uses.ts'

/**
 * Nodes in an order in which every value is made before it is used.
 * @throws {GraphError} naming a node of a cycle, or an input that nothing makes.
 */
export function sortNodes(graph: Pick<Graph, 'inputs' | 'initializers' | 'nodes' | 'name'>): Node[] {
  const maker = makersOf(graph)
  const given = new Set(['', ...graph.inputs, ...graph.initializers.keys()])
  const state = new Map<Node, 'open' | 'done'>()
  const sorted: Node[] = []
  for (const root of graph.nodes) {
    const stack: Node[] = [root]
    while (stack.length) {
      const node = stack.at(-1) as Node
      if (state.get(node) === 'done') {
        stack.pop()
        continue
      }
      const before = node.inputs
        .filter((name) => !given.has(name))
        .map((name) => makerOf(name, node, maker))
        .filter((other) => state.get(other) !== 'done')
      if (before.length === 0) {
        state.set(node, 'done')
        sorted.push(node)
        stack.pop()
        continue
      }
      const looping = before.find((other) => state.get(other) === 'open')
      if (looping)
        throw new GraphError({ where: `node "${looping.name}"`, what: 'the graph has a cycle through this node' })
      state.set(node, 'open')
      stack.push(...before)
    }
  }
  return sorted
}

function makerOf(name: string, node: Node, maker: ReadonlyMap<string, Node>): Node {
  const found = maker.get(name)
  if (!found)
    throw new GraphError({
      where: `${node.opType} "${node.name}"`,
      what: `input "${name}" is made by no node and is neither an input nor an initializer`,
    })
  return found
}
