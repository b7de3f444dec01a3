// Computes linear layers and what is between them on rows [n, width], from the first to the last: read one by one, each
// layer has a Reshape to rows before it and one back after it, and small products take no longer than those.

import { sameShape } from '../ir/dim.ts'
import { cloneGraph, type Graph, getValue, type Node, type Shape, type Value } from '../ir/graph.ts'
import { addNode } from '../ops/add-node.ts'
import { build, type Builder } from '../ops/build.ts'
import { memoize } from './memoize.ts'
import { rowwiseInputs } from './rows-at.ts'

/** The copy as far as it is made. */
interface Copy {
  readonly graph: Graph
  readonly g: Builder
  /** Values whose names the original's outputs have. */
  readonly outputs: ReadonlySet<string>
  /** Values that have all of their axes. */
  readonly whole: Value[]
  /** The rows [n, width] of values with more axes. */
  readonly rows: Map<string, Value>
  /** What makes a value of which there are rows only, until something needs the value itself. */
  readonly pending: Map<string, () => void>
  /** Values of the copy that later nodes read in place of the original's. */
  readonly replaced: Map<string, string>
  /** Reshapes to rows by the value that they flatten, and shapes by what they are made of. */
  readonly flattened: ReturnType<typeof memoize<Value>>
  readonly shapes: ReturnType<typeof memoize<Value>>
}

function emptyCopy(original: Graph): Copy {
  const graph: Graph = { ...cloneGraph(original), nodes: [] }
  return {
    graph,
    g: build(graph),
    outputs: new Set(graph.outputs),
    whole: graph.inputs.map((name) => getValue(graph, name)),
    rows: new Map(),
    pending: new Map(),
    replaced: new Map(),
    flattened: memoize(),
    shapes: memoize(),
  }
}

/** A node of the original with the values that it reads in the copy, its first input and its first output. */
interface Read {
  readonly node: Node
  readonly input: Value
  readonly output: Value
}

/** Takes a node into the copy in a form of its own, or does nothing and returns false. */
type Rule = (copy: Copy, read: Read) => boolean

/** From the first that applies; a node to which none applies is taken as it is. */
const rules: readonly Rule[] = [readsRows, givesAxes, readsSizes, computesRows]

/**
 * A copy in which operators that compute rows from rows read the rows of linear layers as they are. A value has its
 * other axes where another operator, or an output of the graph, needs them.
 */
export function onRows(original: Graph): Graph {
  const copy = emptyCopy(original)
  const { graph, replaced } = copy
  for (const own of original.nodes) {
    const node = { ...own, inputs: own.inputs.map((name) => replaced.get(name) ?? name) }
    const [input, output] = [graph.values.get(node.inputs[0] ?? ''), getValue(graph, node.outputs[0] as string)]
    if (!input || !rules.some((rule) => rule(copy, { node, input, output }))) push(copy, node)
  }
  for (const name of graph.outputs) make(copy, name)
  return graph
}

/** A Reshape to rows is the rows that are there. */
function readsRows(copy: Copy, { node, input, output }: Read): boolean {
  const { rows, outputs, replaced } = copy
  if (!rows.has(input.name) || !isToRows(node, input, output) || outputs.has(output.name)) return false
  replaced.set(output.name, rowsOf(copy, input).name)
  return true
}

/** A Reshape that gives rows more axes waits until those are needed. */
function givesAxes(copy: Copy, { node, input, output }: Read): boolean {
  if (!isFromRows(node, input, output)) return false
  keepRows(copy, output, input, node)
  return true
}

/** The sizes of axes that are not made yet are those of a value that exists. */
function readsSizes(copy: Copy, { node, input, output }: Read): boolean {
  if (!copy.pending.has(input.name) || !isLeadingShape(node, input) || copy.outputs.has(output.name)) return false
  const sizes = leadingSizes(copy, input.shape)
  if (sizes) copy.replaced.set(output.name, sizes.name)
  return sizes !== undefined
}

/** The rows of a node's output are computed from those of its inputs, if these are there. */
function computesRows(copy: Copy, { node, input, output }: Read): boolean {
  const { graph, rows } = copy
  const isRow = isWhole(output) && node.outputs.length === 1 ? rowwiseInputs(graph, node) : undefined
  if (!isRow?.some((is, i) => is && rows.has(node.inputs[i] as string))) return false
  // A Reshape here keeps the last axis.
  keepRows(copy, output, node.opType === 'Reshape' ? rowsOf(copy, input) : nodeOnRows(copy, node, isRow), node)
  return true
}

/** Adds the node for rows; its result has no axis that the rows lack. */
function nodeOnRows(copy: Copy, { opType, inputs, name, scope, attributes }: Node, isRow: readonly boolean[]): Value {
  const operands = inputs.map((operand, i) => {
    const value = operand === '' ? null : getValue(copy.graph, operand)
    return value && isRow[i] ? rowsOf(copy, value) : value
  })
  const own = opType.endsWith('Normalization') ? { ...attributes, axis: -1 } : attributes
  return addNode(copy.graph, opType, operands, { name, scope, attributes: own })[0] as Value
}

/** Adds a node as it is, with all axes of what it reads. */
function push(copy: Copy, node: Node): void {
  const { graph, whole } = copy
  for (const name of node.inputs) make(copy, name)
  graph.nodes.push(node)
  whole.push(...node.outputs.filter((name) => name !== '').map((name) => getValue(graph, name)))
}

/** Makes a value that was not needed before. */
function make({ pending }: Copy, name: string): void {
  const produce = pending.get(name)
  pending.delete(name)
  produce?.()
}

const rowsOf = ({ rows, flattened, g }: Copy, value: Value): Value =>
  rows.get(value.name) ??
  (value.shape.length <= 2 ? value : flattened(value.name, () => g.Reshape(value, g.int64([-1, widthOf(value)]))))

/** The sizes of all axes but the last, from a value that exists; undefined if none is known to have them. */
function leadingSizes({ whole, shapes, g }: Copy, shape: Shape): Value | undefined {
  const [count, axes] = [shape.length - 1, shape.slice(0, -1)]
  const like = whole.find((value) => value.shape.length >= count && sameShape(value.shape.slice(0, count), axes))
  return like && shapes(axes.join(), () => g.Shape(like, { start: 0, end: count }))
}

/** Later nodes read `found` for the rows of a value; `otherwise` makes the value where its axes have other names. */
function keepRows(copy: Copy, value: Value, found: Value, otherwise: Node): void {
  copy.rows.set(value.name, found)
  copy.pending.set(value.name, () => {
    const shape = wholeShape(copy, value)
    const reshape = shape && { ...otherwise, opType: 'Reshape', inputs: [found.name, shape.name], attributes: {} }
    push(copy, reshape ?? otherwise)
  })
}

/** The sizes of all axes of a value with a known width; undefined where no value is known to have them. */
function wholeShape(copy: Copy, value: Value): Value | undefined {
  const { g, shapes } = copy
  const [sizes, width] = [leadingSizes(copy, value.shape), widthOf(value)]
  return sizes && shapes(`${sizes.name} ${width}`, () => g.Concat(sizes, g.int64([width]), { axis: 0 }))
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
