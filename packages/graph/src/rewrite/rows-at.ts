// Moves a selection of rows as early in the graph as possible: if a head reads a decoder at the last tokens only, the
// last layer's projection and MLP need those tokens only.

import { requireKind } from '../door.ts'
import { sameShape } from '../ir/dim.ts'
import { type Graph, getValue, type Node, uniqueName, type Value } from '../ir/graph.ts'
import { producersOf, consumersOf } from '../ir/uses.ts'
import { addNode, attributesOf } from '../ops/add-node.ts'
import { build } from '../ops/build.ts'

/** Elementwise operators. */
const elementwise = new Set([
  'Add',
  'Sub',
  'Mul',
  'Div',
  'Pow',
  'Neg',
  'Sqrt',
  'Exp',
  'Tanh',
  'Erf',
  'Sigmoid',
  'Relu',
  'Gelu',
  'Swish',
  'Identity',
])

/**
 * Adds to the graph the rows of `value`, reshaped to [-1, width], at `indices` [n]. The rows are computed from the same
 * rows of the value's inputs, back to values that mix rows or that something else reads. Call `prune` afterwards.
 * @returns A value of shape [n, width].
 */
export function rowsAt(graph: Graph, value: Value, indices: Value): Value {
  requireKind('rowsAt, graph', graph, 'graph')
  const g = build(graph)
  const producers = producersOf(graph)
  const rowValues = rowwiseValues(graph, value)
  const selected = new Map<string, Value>()

  function gather(full: Value): Value {
    const rows = full.shape.length === 2 ? full : g.Reshape(full, g.int64([-1, full.shape.at(-1) as number]))
    return g.Gather(rows, indices)
  }
  function recompute(node: Node, isRowwise: readonly boolean[]): Value {
    const inputs = node.inputs.map((name, i) =>
      name === '' ? null : isRowwise[i] ? select(getValue(graph, name)) : getValue(graph, name),
    )
    if (node.opType === 'Reshape') return inputs[0] as Value
    const attributes = node.opType.endsWith('Normalization') ? { ...node.attributes, axis: -1 } : node.attributes
    return addNode(graph, node.opType, inputs, {
      name: uniqueName(graph, node.name),
      scope: node.scope,
      attributes,
    })[0] as Value
  }
  function select(full: Value): Value {
    const node = rowValues.has(full.name) ? producers.get(full.name) : undefined
    const isRowwise = node && rowwiseInputs(graph, node)
    const result = selected.get(full.name) ?? (node && isRowwise ? recompute(node, isRowwise) : gather(full))
    selected.set(full.name, result)
    return result
  }
  return select(value)
}

/**
 * The values of which only the selected rows are needed: all their consumers compute rows of `value` from the same
 * rows, or read only the shape of a value that is no longer computed.
 */
function rowwiseValues(graph: Graph, value: Value): Set<string> {
  const consumers = consumersOf(graph)
  const graphOutputs = new Set(graph.outputs)
  const [rowwise, unread] = [new Set<string>(), new Set<string>()]
  const inputsOf = (node: Node) => (rowwise.has(node.outputs[0] as string) ? rowwiseInputs(graph, node) : undefined)
  const readsRows = (node: Node, name: string): boolean => inputsOf(node)?.[node.inputs.indexOf(name)] === true
  const readsNothing = (node: Node, name: string): boolean =>
    node.outputs.every((output) => unread.has(output)) ||
    (node.opType === 'Reshape' && node.inputs[0] !== name && inputsOf(node) !== undefined)
  for (const { outputs } of [...graph.nodes].reverse())
    for (const name of outputs) {
      const readers = consumers.get(name) ?? []
      if (name === value.name && readers.every((node) => readsNothing(node, name))) rowwise.add(name)
      if (readers.length === 0 || graphOutputs.has(name)) continue
      if (readers.every((node) => readsNothing(node, name))) unread.add(name)
      else if (readers.every((node) => readsNothing(node, name) || readsRows(node, name))) rowwise.add(name)
    }
  return rowwise
}

/**
 * Which inputs a node reads by row, if it computes each row of its output from the same row of those and from all of
 * the others; undefined otherwise.
 */
export function rowwiseInputs(graph: Graph, node: Node): readonly boolean[] | undefined {
  const inputs = node.inputs.map((name) => (name === '' ? undefined : getValue(graph, name)))
  const [x] = inputs
  if (!x || node.domain !== '') return undefined
  const output = getValue(graph, node.outputs[0] as string)
  if (elementwise.has(node.opType)) {
    const isFull = inputs.map((input) => input !== undefined && sameShape(input.shape, output.shape))
    return inputs.every((input, i) => isFull[i] || (input && isBroadcast(input))) ? isFull : undefined
  }
  const isRowwise = rowwise[node.opType]?.({ x, inputs, output, attributes: attributesOf(node) })
  return isRowwise ? inputs.map((_, i) => i === 0) : undefined
}

interface RowContext {
  x: Value
  inputs: readonly (Value | undefined)[]
  output: Value
  attributes: Node['attributes']
}

const alongLastAxis = ({ x, attributes: { axis } }: RowContext): boolean => axis === -1 || axis === x.shape.length - 1

/** Whether a node computes each row of its output from that row of its first input. */
const rowwise: Readonly<Record<string, (context: RowContext) => boolean>> = {
  Reshape: ({ x, output }) =>
    typeof output.shape.at(-1) === 'number' && x.shape.length > 1 && x.shape.at(-1) === output.shape.at(-1),
  Dropout: () => true,
  LayerNormalization: alongLastAxis,
  RMSNormalization: alongLastAxis,
  Gemm: ({ inputs: [, , c], attributes: { transA } }) => transA === 0 && (!c || isBroadcast(c)),
  MatMul: ({ x, inputs: [, matrix] }) => x.shape.length > 1 && matrix?.shape.length === 2,
}

/** Whether all rows read the same value: a scalar, or one number per column. */
const isBroadcast = ({ shape }: Value): boolean => shape.length <= 1
