// Folds chains of reshapes: products work on rows, the operators between them on [batch, sequence, width], and
// gradients the same in reverse.

import { requireKind } from '../door.ts'
import { sameShape } from '../ir/dim.ts'
import { cloneGraph, getValue, type Graph, type Node } from '../ir/graph.ts'
import { producersOf } from '../ir/uses.ts'

/** Operators that change a shape and no data. */
const reshaping = new Set(['Reshape', 'Squeeze', 'Unsqueeze', 'Flatten'])

/**
 * Makes each Reshape read the first value of its chain, removes reshapes that change nothing, and replaces the Shape of
 * a reshaped value by the Reshape's target. Call `prune` afterwards.
 */
export function foldReshapes(original: Graph): Graph {
  requireKind('foldReshapes, original', original, 'graph')
  const graph = cloneGraph(original)
  const producers = producersOf(graph)
  const outputs = new Set(graph.outputs)
  const [replaced, sources] = [new Map<string, string>(), new Map<string, string>()]
  graph.nodes = graph.nodes.flatMap((original) => {
    const node = { ...original, inputs: original.inputs.map((name) => replaced.get(name) ?? name) }
    const [input, output] = [node.inputs[0] as string, node.outputs[0] as string]
    if (node.opType === 'Shape' && !outputs.has(output)) {
      const shape = isWhole(node) ? knownShape(graph, producers.get(input)) : undefined
      if (shape !== undefined) replaced.set(output, replaced.get(shape) ?? shape)
      return shape === undefined ? [node] : []
    }
    if (!reshaping.has(node.opType)) return [node]
    const source = sources.get(input) ?? input
    if (!outputs.has(output) && sameShape(getValue(graph, source).shape, getValue(graph, output).shape)) {
      replaced.set(output, source)
      return []
    }
    sources.set(output, source)
    const folds = node.opType === 'Reshape' && targetOf(graph, node)?.every((dim) => dim !== 0)
    return [folds ? { ...node, inputs: [source, ...node.inputs.slice(1)] } : node]
  })
  return graph
}

const targetOf = (graph: Graph, { inputs }: Node) => getValue(graph, inputs[1] as string).content

/** The target of the Reshape that produces a value, if it has no 0 or -1 and is therefore the value's shape. */
function knownShape(graph: Graph, producer: Node | undefined): string | undefined {
  if (producer?.opType !== 'Reshape') return undefined
  return targetOf(graph, producer)?.every((dim) => dim !== 0 && dim !== -1) ? producer.inputs[1] : undefined
}

const isWhole = ({ attributes: { start, end } }: Node): boolean => !start && end === undefined
