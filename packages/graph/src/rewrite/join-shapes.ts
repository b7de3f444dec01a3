// Makes one of the Shapes of values that have the same symbolic shape, and lets it read the value that is there first. A
// gradient reads shapes of activations that nothing else reads any more: a Shape of its own would hold each in memory
// until the backward pass, a third of what a transformer with LoRA holds.

import { requireKind } from '../door.ts'
import { cloneGraph, type Graph, getValue, type Node } from '../ir/graph.ts'
import { memoize } from './memoize.ts'

/** Rewrites the Shapes of a graph. */
export function joinShapes(original: Graph): Graph {
  requireKind('joinShapes, original', original, 'graph')
  const graph = cloneGraph(original)
  const firsts = firstOfEachType(graph)
  const joint = memoize<string>()
  const renamed = new Map<string, string>()
  const outputs = new Set(graph.outputs)
  graph.nodes = graph.nodes.flatMap((node): Node[] => {
    const inputs = node.inputs.map((name) => renamed.get(name) ?? name)
    if (node.opType !== 'Shape') return [{ ...node, inputs }]
    const [[x = ''], [made = '']] = [inputs, node.outputs]
    const { start = 0, end } = node.attributes
    const first = joint(JSON.stringify([getValue(graph, x).shape, start, end]), () => made)
    if (first !== made && !outputs.has(made)) {
      renamed.set(made, first)
      return []
    }
    return [{ ...node, inputs: [firsts.get(typeKey(graph, x)) as string] }]
  })
  return graph
}

/** Type and shape: the kernels for Shape do not take all types on every device. */
function typeKey(graph: Graph, name: string): string {
  const { dtype, shape } = getValue(graph, name)
  return JSON.stringify([dtype, shape])
}

/** The value that is there first, of each type and shape: an input of the graph, or else the output of the first node. */
function firstOfEachType(graph: Graph): Map<string, string> {
  const firsts = new Map<string, string>()
  const names = [...graph.inputs, ...graph.initializers.keys(), ...graph.nodes.flatMap(({ outputs }) => outputs)]
  for (const name of names) {
    if (name === '') continue
    const key = typeKey(graph, name)
    if (!firsts.has(key)) firsts.set(key, name)
  }
  return firsts
}
