// Lets a row of a decoder's batch hold several texts: a token attends to tokens of its own text only.

import { requireKind } from '../door.ts'
import { sameShape } from '../ir/dim.ts'
import { addInput, cloneGraph, getValue, type Graph, type Node, type Value } from '../ir/graph.ts'
import { build } from '../ops/build.ts'
import { attributesOf } from '../ops/add-node.ts'
import { prune } from './prune.ts'

/** A score that no real one comes near, and that the lowest float32 of a mask absorbs: their sum stays finite. */
const hidden = -1e9

const biasName = 'segment_bias'

/**
 * A copy of the graph with the input `segment_ids`, int32 [rows, columns] as the token ids: the scores of tokens of
 * other segments become -1e9 before each Softmax. Where attention is all that mixes tokens, and positions are relative
 * or restart, a text in a segment has the numbers that it has alone.
 * @param ids Name of the input of token ids, [rows, columns].
 * @param layers Number of layers, each of which must have one Softmax of scores [rows, heads, columns, columns].
 * @returns Undefined for a graph that has other Softmax nodes, or rows or columns of a fixed number.
 */
export function withSegments(original: Graph, ids: string, layers: number): Graph | undefined {
  requireKind('withSegments, original', original, 'graph')
  const { shape } = getValue(original, ids)
  const isScore = (node: Node): boolean => isAttention(original, node, shape)
  const attentions = original.nodes.filter(({ opType }) => opType === 'Softmax')
  if (shape.some((dim) => typeof dim === 'number')) return undefined
  if (attentions.length !== layers || !attentions.every(isScore)) return undefined
  const graph: Graph = { ...cloneGraph(original), nodes: [] }
  const g = build(graph)
  const segments = addInput(graph, 'segment_ids', 'int32', shape)
  const side = (...axes: number[]): Value => g.Unsqueeze(segments, g.int64(axes))
  const scores = [g.Equal(side(1, 3), side(1, 2)), g.scalar(0), g.scalar(hidden)]
  const [bias] = g.node('Where', scores, { outputs: [biasName] }) as [Value]
  for (const node of original.nodes) {
    if (node.opType !== 'Softmax') graph.nodes.push(node)
    else graph.nodes.push({ ...node, inputs: [g.Add(getValue(graph, node.inputs[0] as string), bias).name] })
  }
  return graph
}

/** The graph, or one made of it, as it was before {@link withSegments}; the graph itself if it has no such segments. */
export function withoutSegments(original: Graph): Graph {
  requireKind('withoutSegments, original', original, 'graph')
  if (!original.values.has(biasName)) return original
  const isBiased = ({ opType, inputs }: Node): boolean => opType === 'Add' && inputs[1] === biasName
  const scores = new Map(
    original.nodes.filter(isBiased).map(({ inputs, outputs }) => [outputs[0] as string, inputs[0] as string]),
  )
  const graph = cloneGraph(original)
  graph.inputs = graph.inputs.filter((name) => name !== 'segment_ids')
  graph.nodes = graph.nodes
    .filter((node) => !isBiased(node))
    .map((node) => ({ ...node, inputs: node.inputs.map((name) => scores.get(name) ?? name) }))
  prune(graph)
  return graph
}

/** Whether a Softmax is over the keys of scores [rows, heads, columns, columns]. */
function isAttention(graph: Graph, node: Node, [rows, columns]: Value['shape']): boolean {
  const { shape } = getValue(graph, node.inputs[0] as string)
  const [first, , ...last] = shape
  const { axis } = attributesOf(node)
  return (
    shape.length === 4 &&
    node.domain === '' &&
    (axis === -1 || axis === 3) &&
    sameShape([first, ...last] as Value['shape'], [rows, columns, columns] as Value['shape'])
  )
}
