// Rows of hidden states chosen as early as can be: of a decoder read at its last tokens, the last layer's projection
// and MLP need those tokens only.

import { sameShape } from '../ir/dim.ts'
import { type Graph, getValue, type Node, uniqueName, type Value } from '../ir/graph.ts'
import { makersOf, readersOf } from '../ir/uses.ts'
import { addNode, attributesOf } from '../ops/add-node.ts'
import { build } from '../ops/build.ts'

/** Operators that treat every element alone. */
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
 * Adds to the graph the rows of `value`, seen as [-1, width], at `indices` [n]: computed from the rows of what it is
 * made of, back to where rows meet or something else reads all of them. Call `prune` afterwards.
 * @returns A value of shape [n, width].
 */
export function rowsAt(graph: Graph, value: Value, indices: Value): Value {
  const g = build(graph)
  const makers = makersOf(graph)
  const only = readByRows(graph, value)
  const chosen = new Map<string, Value>()

  function gathered(whole: Value): Value {
    const rows = whole.shape.length === 2 ? whole : g.Reshape(whole, g.int64([-1, whole.shape.at(-1) as number]))
    return g.Gather(rows, indices)
  }
  function computed(node: Node, byRow: readonly boolean[]): Value {
    const inputs = node.inputs.map((name, i) =>
      name === '' ? null : byRow[i] ? rows(getValue(graph, name)) : getValue(graph, name),
    )
    if (node.opType === 'Reshape') return inputs[0] as Value
    const attributes = node.opType.endsWith('Normalization') ? { ...node.attributes, axis: -1 } : node.attributes
    return addNode(graph, node.opType, inputs, {
      name: uniqueName(graph, node.name),
      scope: node.scope,
      attributes,
    })[0] as Value
  }
  function rows(whole: Value): Value {
    const node = only.has(whole.name) ? makers.get(whole.name) : undefined
    const byRow = node && inputsByRow(graph, node)
    const result = chosen.get(whole.name) ?? (node && byRow ? computed(node, byRow) : gathered(whole))
    chosen.set(whole.name, result)
    return result
  }
  return rows(value)
}

/**
 * The values that are read only to make rows of `value` from their own rows; that something asks for the shape of what
 * is then not made counts for nothing.
 */
function readByRows(graph: Graph, value: Value): Set<string> {
  const readers = readersOf(graph)
  const given = new Set(graph.outputs)
  const [only, unread] = [new Set<string>(), new Set<string>()]
  const byRow = (reader: Node) => (only.has(reader.outputs[0] as string) ? inputsByRow(graph, reader) : undefined)
  const readsByRow = (reader: Node, name: string): boolean => byRow(reader)?.[reader.inputs.indexOf(name)] === true
  const readsNothing = (reader: Node, name: string): boolean =>
    reader.outputs.every((output) => unread.has(output)) ||
    (reader.opType === 'Reshape' && reader.inputs[0] !== name && byRow(reader) !== undefined)
  for (const { outputs } of [...graph.nodes].reverse())
    for (const name of outputs) {
      const list = readers.get(name) ?? []
      if (name === value.name && list.every((reader) => readsNothing(reader, name))) only.add(name)
      if (list.length === 0 || given.has(name)) continue
      if (list.every((reader) => readsNothing(reader, name))) unread.add(name)
      else if (list.every((reader) => readsNothing(reader, name) || readsByRow(reader, name))) only.add(name)
    }
  return only
}

/**
 * Of a node that makes each row of its output from the same row of some inputs: which inputs; the others belong to
 * every row.
 */
function inputsByRow(graph: Graph, node: Node): readonly boolean[] | undefined {
  const inputs = node.inputs.map((name) => (name === '' ? undefined : getValue(graph, name)))
  const [x] = inputs
  if (!x || node.domain !== '') return undefined
  const output = getValue(graph, node.outputs[0] as string)
  if (elementwise.has(node.opType)) {
    const alike = inputs.map((input) => input !== undefined && sameShape(input.shape, output.shape))
    return inputs.every((input, i) => alike[i] || (input && belongsToAll(input))) ? alike : undefined
  }
  const holds = firstByRow[node.opType]?.({ x, inputs, output, attributes: attributesOf(node) })
  return holds ? inputs.map((_, i) => i === 0) : undefined
}

interface RowContext {
  x: Value
  inputs: readonly (Value | undefined)[]
  output: Value
  attributes: Node['attributes']
}

const alongLastAxis = ({ x, attributes: { axis } }: RowContext): boolean => axis === -1 || axis === x.shape.length - 1

/** Whether a node makes each row of its output from that row of its first input. */
const firstByRow: Readonly<Record<string, (context: RowContext) => boolean>> = {
  Reshape: ({ x, output }) =>
    typeof output.shape.at(-1) === 'number' && x.shape.length > 1 && x.shape.at(-1) === output.shape.at(-1),
  LayerNormalization: alongLastAxis,
  RMSNormalization: alongLastAxis,
  Gemm: ({ inputs: [, , c], attributes: { transA } }) => transA === 0 && (!c || belongsToAll(c)),
  MatMul: ({ x, inputs: [, matrix] }) => x.shape.length > 1 && matrix?.shape.length === 2,
}

/** A scalar, or one number a column. */
const belongsToAll = ({ shape }: Value): boolean => shape.length <= 1
