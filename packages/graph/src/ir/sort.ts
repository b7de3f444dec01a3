// Topological sort of nodes, which ONNX requires.

import { GraphError } from '../errors.ts'
import type { Graph, Node } from './graph.ts'
import { producersOf } from './uses.ts'

/**
 * Nodes in topological order: every value is produced before it is used.
 * @throws {GraphError} naming a node of a cycle, or an input that no node produces.
 */
export function sortNodes(graph: Pick<Graph, 'inputs' | 'initializers' | 'nodes' | 'name'>): Node[] {
  const producers = producersOf(graph)
  const sources = new Set(['', ...graph.inputs, ...graph.initializers.keys()])
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
      const pending = node.inputs
        .filter((name) => !sources.has(name))
        .map((name) => producerOf(name, node, producers))
        .filter((producer) => state.get(producer) !== 'done')
      if (pending.length === 0) {
        state.set(node, 'done')
        sorted.push(node)
        stack.pop()
        continue
      }
      const ancestor = pending.find((producer) => state.get(producer) === 'open')
      if (ancestor)
        throw new GraphError({ where: `node "${ancestor.name}"`, what: 'the graph has a cycle through this node' })
      state.set(node, 'open')
      stack.push(...pending)
    }
  }
  return sorted
}

function producerOf(name: string, node: Node, producers: ReadonlyMap<string, Node>): Node {
  const producer = producers.get(name)
  if (!producer)
    throw new GraphError({
      where: `${node.opType} "${node.name}"`,
      what: `input "${name}" is made by no node and is neither an input nor an initializer`,
    })
  return producer
}
