// Computes linear layers and what is between them on rows [n, width], from the first to the last: read one by one, each
// layer has a Reshape to rows before it and one back after it, and small products take no longer than those.

import { sameShape } from '../ir/dim.ts'
import { cloneGraph, type Graph, getValue, type Node, type Shape, type Value } from '../ir/graph.ts'
import { addNode } from '../ops/add-node.ts'
import { build } from '../ops/build.ts'
import { memoize } from './memoize.ts'
import { rowwiseInputs } from './rows-at.ts'

/**
 * A copy in which operators that compute rows from rows read the rows of linear layers as they are. A value has its
 * other axes where another operator, or an output of the graph, needs them.
 */
export function onRows(original: Graph): Graph {
  const graph: Graph = { ...cloneGraph(original), nodes: [] }
  const g = build(graph)
  /** The rows of a value with more axes, and what makes the value itself where it is needed. */
  const rows = new Map<string, Value>()
  const pending = new Map<string, () => void>()
  const replaced = new Map<string, string>()
  const outputs = new Set(graph.outputs)
  const [flattened, shared] = [memoize<Value>(), memoize<Value>()]
  const whole: Value[] = graph.inputs.map((name) => getValue(graph, name))

  const make = (name: string): void => {
    const produce = pending.get(name)
    pending.delete(name)
    produce?.()
  }
  const push = (node: Node): void => {
    for (const name of node.inputs) make(name)
    graph.nodes.push(node)
    whole.push(...node.outputs.filter((name) => name !== '').map((name) => getValue(graph, name)))
  }
  const rowsOf = (value: Value): Value =>
    rows.get(value.name) ??
    (value.shape.length <= 2 ? value : flattened(value.name, () => g.Reshape(value, g.int64([-1, widthOf(value)]))))
  /** The sizes of all axes but the last, from a value that exists; undefined if none is known to have them. */
  const leading = (shape: Shape): Value | undefined => {
    const [count, axes] = [shape.length - 1, shape.slice(0, -1)]
    const like = whole.find((value) => value.shape.length >= count && sameShape(value.shape.slice(0, count), axes))
    return like && shared(axes.join(), () => g.Shape(like, { start: 0, end: count }))
  }
  /** Later nodes read `found` for the rows of a value; `otherwise` makes the value where its axes have other names. */
  const keepRows = (value: Value, found: Value, otherwise: Node): void => {
    rows.set(value.name, found)
    pending.set(value.name, () => {
      const sizes = leading(value.shape)
      const width = widthOf(value)
      if (!sizes) return push(otherwise)
      const shape = shared(`${sizes.name} ${width}`, () => g.Concat(sizes, g.int64([width]), { axis: 0 }))
      push({ ...otherwise, opType: 'Reshape', inputs: [found.name, shape.name], attributes: {} })
    })
  }
  /** The rows of a node's output from those of its inputs, if these are there. */
  const compute = (node: Node, output: Value): Value | undefined => {
    const isRow = isWhole(output) && node.outputs.length === 1 ? rowwiseInputs(graph, node) : undefined
    if (!isRow?.some((is, i) => is && rows.has(node.inputs[i] as string))) return undefined
    // A Reshape that keeps the last axis.
    if (node.opType === 'Reshape') return rowsOf(getValue(graph, node.inputs[0] as string))
    const inputs = node.inputs.map((name, i) => {
      const value = name === '' ? null : getValue(graph, name)
      return value && isRow[i] ? rowsOf(value) : value
    })
    const isNormal = node.opType.endsWith('Normalization')
    const attributes = isNormal ? { ...node.attributes, axis: -1 } : node.attributes
    return addNode(graph, node.opType, inputs, { name: node.name, scope: node.scope, attributes })[0]
  }

  for (const node of original.nodes) {
    const read = { ...node, inputs: node.inputs.map((name) => replaced.get(name) ?? name) }
    const [input, output] = [graph.values.get(read.inputs[0] ?? ''), getValue(graph, node.outputs[0] as string)]
    if (input && rows.has(input.name) && isToRows(read, input, output) && !outputs.has(output.name)) {
      replaced.set(output.name, rowsOf(input).name)
    } else if (input && isFromRows(read, input, output)) {
      keepRows(output, input, read)
    } else if (input && pending.has(input.name) && isLeadingShape(read, input) && !outputs.has(output.name)) {
      const sizes = leading(input.shape)
      if (sizes) replaced.set(output.name, sizes.name)
      else push(read)
    } else {
      const found = compute(read, output)
      if (found) keepRows(output, found, read)
      else push(read)
    }
  }
  for (const name of graph.outputs) make(name)
  return graph
}

const widthOf = ({ shape }: Value): number => shape.at(-1) as number

/** Whether a value has more than two axes, and a width that is known. */
const isWhole = ({ shape }: Value): boolean => shape.length > 2 && typeof shape.at(-1) === 'number'

/** Whether a node makes rows of a value. */
const isToRows = ({ opType }: Node, input: Value, output: Value): boolean =>
  opType === 'Reshape' && isWhole(input) && output.shape.length === 2 && output.shape[1] === input.shape.at(-1)

/** Whether a node gives rows further axes. */
const isFromRows = ({ opType }: Node, input: Value, output: Value): boolean =>
  opType === 'Reshape' && input.shape.length === 2 && isWhole(output) && input.shape[1] === output.shape.at(-1)

/** Whether a node gives the sizes of all axes but the last. */
const isLeadingShape = ({ opType, attributes: { start = 0, end } }: Node, { shape }: Value): boolean =>
  opType === 'Shape' && start === 0 && end === shape.length - 1
