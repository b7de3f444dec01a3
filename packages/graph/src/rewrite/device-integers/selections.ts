// Selections that select everything: a program that is exported after vectorization (torch.vmap) reads a mask by the
// coordinates of its elements, which is a view of the mask with further axes.

import { addDims, type Dim, mulDims } from '../../ir/dim.ts'
import { type Graph, getValue, type Node, type Shape } from '../../ir/graph.ts'
import { attributesOf } from '../../ops/add-node.ts'
import { coordinate } from './polynomials.ts'

/** A value, and the axes to unsqueeze it by. */
export interface View {
  source: string
  axes: number[]
}

/** What a selection reads: the element at `index` of the leading axes of a value, flattened. */
interface Selection {
  source: string
  /** Sizes of the leading axes. */
  dims: Shape
  index: Dim
  /** Shape of the indices. */
  shape: Shape
  /** New axes of size 1 after those of the indices. */
  added: number
}

/** The view that a Gather or GatherND is, if it is one. */
export function viewOf(
  graph: Graph,
  node: Node,
  producer: (name: string) => Node | undefined,
  polynomial: (name: string) => Dim | undefined,
): View | undefined {
  const find = Object.hasOwn(selections, node.opType) ? selections[node.opType] : undefined
  for (const { source, dims, index, shape, added } of find?.({ graph, node, producer, polynomial }) ?? []) {
    const places = axesOfIndex(index, dims, shape)
    if (!places) continue
    const axes = Array.from({ length: shape.length + added }, (_, axis) => axis)
    return { source, axes: axes.filter((axis) => !places.includes(axis)) }
  }
  return undefined
}

interface Context {
  graph: Graph
  node: Node
  producer: (name: string) => Node | undefined
  polynomial: (name: string) => Dim | undefined
}

const selections: Readonly<Record<string, (context: Context) => Selection[]>> = {
  /** Rows of a value, or elements of a flattened one. */
  Gather({ graph, node, producer, polynomial }) {
    const [data = '', indices = ''] = node.inputs
    const [index, { shape }, rows] = [polynomial(indices), getValue(graph, indices), getValue(graph, data).shape]
    if (index === undefined || Number(attributesOf(node).axis) !== 0) return []
    const flattened = producer(data)
    const isFlattened = flattened && ['Flatten', 'Reshape'].includes(flattened.opType)
    const source = flattened?.inputs[0] ?? ''
    const dims = isFlattened ? getValue(graph, source).shape : []
    const isWhole = isFlattened && mulDims(...dims) === rows[0] && rows.slice(1).every((dim) => dim === 1)
    return [
      { source: data, dims: rows.slice(0, 1), index, shape, added: 0 },
      ...(isWhole ? [{ source, dims, index, shape, added: rows.length - 1 }] : []),
    ]
  },
  /** Elements at coordinates that a Concat has put together. */
  GatherND({ graph, node, producer, polynomial }) {
    const [data = '', indices = ''] = node.inputs
    const [shape, joined] = [getValue(graph, indices).shape, producer(indices)]
    const isJoined = joined?.opType === 'Concat' && [-1, shape.length - 1].includes(Number(joined.attributes.axis))
    if (!isJoined || Number(attributesOf(node).batch_dims) !== 0) return []
    const dims = getValue(graph, data).shape.slice(0, joined.inputs.length)
    const parts = joined.inputs.map((name) => (getValue(graph, name).shape.at(-1) === 1 ? polynomial(name) : undefined))
    if (!parts.every((part) => part !== undefined)) return []
    const index = parts.map((part, axis) => mulDims(part, ...dims.slice(axis + 1))).reduce<Dim>(addDims, 0)
    return [{ source: data, dims, index, shape: shape.slice(0, -1), added: 0 }]
  },
}

/**
 * The axes of an output along which an index runs through the axes `dims`: the output's element is that at the
 * coordinates of those axes. Undefined where the index is another one.
 */
function axesOfIndex(index: Dim, dims: Shape, output: Shape): number[] | undefined {
  const search = (axis: number, first: number, rest: Dim): number[] | undefined => {
    if (axis === dims.length) return rest === 0 ? [] : undefined
    for (let place = first; place < output.length; place++) {
      if (output[place] !== dims[axis]) continue
      const term = dims[axis] === 1 ? 0 : mulDims(-1, ...dims.slice(axis + 1), coordinate(place))
      const others = search(axis + 1, place + 1, addDims(rest, term))
      if (others) return [place, ...others]
    }
    return undefined
  }
  return search(0, 0, index)
}
