// Chains of reshapes: products work on rows, what stands between them on [batch, sequence, width], and gradients go
// back the same way.

import { sameShape } from '../ir/dim.ts'
import { cloneGraph, getValue, type Graph, type Node } from '../ir/graph.ts'
import { makersOf } from '../ir/uses.ts'

/** Operators that move nothing. */
const reshaping = new Set(['Reshape', 'Squeeze', 'Unsqueeze', 'Flatten'])

/**
 * Rewrites each Reshape of what was reshaped as one of the first value, drops those that change nothing, and
 * reads the shape of a reshaped value where it was said. Call `prune` afterwards.
 */
export function foldReshapes(original: Graph): Graph {
  const graph = cloneGraph(original)
  const makers = makersOf(graph)
  const given = new Set(graph.outputs)
  const [same, sources] = [new Map<string, string>(), new Map<string, string>()]
  graph.nodes = graph.nodes.flatMap((node) => {
    const read = { ...node, inputs: node.inputs.map((name) => same.get(name) ?? name) }
    const [input, output] = [read.inputs[0] as string, read.outputs[0] as string]
    if (read.opType === 'Shape' && !given.has(output)) {
      const said = isWhole(read) ? saidShape(graph, makers.get(input)) : undefined
      if (said !== undefined) same.set(output, same.get(said) ?? said)
      return said === undefined ? [read] : []
    }
    if (!reshaping.has(read.opType)) return [read]
    const source = sources.get(input) ?? input
    if (!given.has(output) && sameShape(getValue(graph, source).shape, getValue(graph, output).shape)) {
      same.set(output, source)
      return []
    }
    sources.set(output, source)
    const folds = read.opType === 'Reshape' && targetOf(graph, read)?.every((dim) => dim !== 0)
    return [folds ? { ...read, inputs: [source, ...read.inputs.slice(1)] } : read]
  })
  return graph
}

const targetOf = (graph: Graph, { inputs }: Node) => getValue(graph, inputs[1] as string).content

/** A Reshape's target, where it says all sizes: then it is the shape of the result. */
function saidShape(graph: Graph, maker: Node | undefined): string | undefined {
  if (maker?.opType !== 'Reshape') return undefined
  return targetOf(graph, maker)?.every((dim) => dim !== 0 && dim !== -1) ? maker.inputs[1] : undefined
}

const isWhole = ({ attributes: { start, end } }: Node): boolean => !start && end === undefined
