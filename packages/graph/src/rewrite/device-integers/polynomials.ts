// What follows from shapes alone about the elements of integer and bool values: a polynomial of the graph's dimensions
// and of the element's coordinates. Position ids are `@1`; the place of a mask's element may be `sequence*@0+@3`.

import { addDims, boundsOf, type Dim, mulDims, replaceSymbols, subtractDims } from '../../ir/dim.ts'
import { type Graph, getValue, type Node, type Value } from '../../ir/graph.ts'
import { producersOf } from '../../ir/uses.ts'
import { attributesOf } from '../../ops/add-node.ts'
import { axisOf } from '../../ops/operator.ts'
import type { DataType } from '../../tensor/dtype.ts'
import { elementCount, type Tensor, toNumbers } from '../../tensor/tensor.ts'

/** The coordinate along an axis, as a symbol of a polynomial. */
export const coordinate = (axis: number): Dim => `@${axis}`

/** The axis of a coordinate's symbol; undefined for the symbol of a dimension. */
export const axisOfSymbol = (symbol: string): number | undefined =>
  symbol.startsWith('@') ? Number(symbol.slice(1)) : undefined

/** A polynomial with another one in place of each coordinate. */
const replaceCoordinates = (polynomial: Dim, replacement: (axis: number) => Dim): Dim =>
  replaceSymbols(polynomial, (symbol) => {
    const axis = axisOfSymbol(symbol)
    return axis === undefined ? symbol : replacement(axis)
  })

/** A node, and what is known of its inputs. */
interface Context {
  readonly node: Node
  readonly output: Value
  readonly input: (i: number) => Value
  /** The polynomial of an input, in the coordinates of that input. @throws {Unknown} where it has none. */
  readonly of: (i: number) => Dim
  /** The elements of an input that is computed from shapes. @throws {Unknown} where they are not known. */
  readonly content: (i: number) => readonly Dim[]
}

/** Thrown by rules, and caught by {@link polynomials}. */
class Unknown extends Error {}
const unknown = (): never => {
  throw new Unknown()
}

type Rule = (context: Context) => Dim

/** The polynomial of an input in the coordinates of the output that it broadcasts to. */
function aligned({ of, input, output }: Context, i: number): Dim {
  const { shape } = input(i)
  const first = output.shape.length - shape.length
  return replaceCoordinates(of(i), (axis) => (shape[axis] === 1 ? 0 : coordinate(axis + first)))
}

const binary =
  (compute: (a: Dim, b: Dim) => Dim | undefined): Rule =>
  (c) =>
    compute(aligned(c, 0), aligned(c, 1)) ?? unknown()

/** 1 or 0 where a difference has one sign for all sizes and coordinates, all of which are at least 0. */
const comparison = (always: (least: number, greatest: number) => boolean, never: typeof always): Rule =>
  binary((a, b) => {
    const bounds = boundsOf(subtractDims(a, b))
    return always(...bounds) ? 1 : never(...bounds) ? 0 : undefined
  })

const isZero = (least: number, greatest: number) => least === 0 && greatest === 0
const isNotZero = (least: number, greatest: number) => least > 0 || greatest < 0

/** The axes of an input that each axis of a node's output has come from; undefined for a new axis. */
const viewOf =
  (sources: (c: Context) => readonly (number | undefined)[]): Rule =>
  (c) => {
    const from = sources(c)
    return replaceCoordinates(c.of(0), (axis) => (from.includes(axis) ? coordinate(from.indexOf(axis)) : 0))
  }

function unsqueezed({ output, content }: Context): (number | undefined)[] {
  const rank = output.shape.length
  const added = content(1).map((axis) => axisOf(Number(axis), rank, 'Unsqueeze'))
  let next = 0
  return output.shape.map((_, axis) => (added.includes(axis) ? undefined : next++))
}

function squeezed({ node, input, content }: Context): number[] {
  const { shape } = input(0)
  const removed = node.inputs[1]
    ? content(1).map((axis) => axisOf(Number(axis), shape.length, 'Squeeze'))
    : [...shape.keys()].filter((axis) => shape[axis] === 1)
  return [...shape.keys()].filter((axis) => !removed.includes(axis))
}

/** A Reshape that only adds or removes axes of size 1. */
function reshaped({ input, output }: Context): (number | undefined)[] {
  const axes = [...input(0).shape.keys()].filter((axis) => input(0).shape[axis] !== 1)
  const from = output.shape.map((dim) => (dim === 1 ? undefined : axes.shift()))
  const isView = axes.length === 0 && output.shape.every((dim, i) => dim === 1 || dim === input(0).shape[from[i] ?? -1])
  return isView ? from : unknown()
}

function sliced({ node, input, of, content }: Context): Dim {
  const { shape } = input(0)
  const [starts, steps] = [content(1), node.inputs[4] ? content(4) : []]
  const axes = node.inputs[3]
    ? content(3).map((axis) => axisOf(Number(axis), shape.length, 'Slice'))
    : [...shape.keys()]
  if (steps.some((step) => step !== 1)) unknown()
  return replaceCoordinates(of(0), (axis) => {
    const start = axes.includes(axis) ? (starts[axes.indexOf(axis)] as Dim) : 0
    const isFromEnd = typeof start === 'number' && start < 0
    return addDims(coordinate(axis), isFromEnd ? addDims(shape[axis] as Dim, start) : start)
  })
}

function gathered({ node, input, of }: Context): Dim {
  const [data, indices] = [input(0).shape, input(1).shape]
  const at = axisOf(Number(attributesOf(node).axis), data.length, 'Gather')
  const index = replaceCoordinates(of(1), (axis) => coordinate(axis + at))
  const moved = (axis: number) => coordinate(axis < at ? axis : axis + indices.length - 1)
  return replaceCoordinates(of(0), (axis) => (axis === at ? index : moved(axis)))
}

function gatheredElements({ node, input, of }: Context): Dim {
  const at = axisOf(Number(attributesOf(node).axis), input(0).shape.length, 'GatherElements')
  return replaceCoordinates(of(0), (axis) => (axis === at ? of(1) : coordinate(axis)))
}

function transposed({ node, input }: Context): number[] {
  const { shape } = input(0)
  const perm = node.attributes.perm as readonly number[] | undefined
  return perm ? [...perm] : [...shape.keys()].reverse()
}

function converted({ of, output }: Context): Dim {
  const x = of(0)
  if (output.dtype !== 'bool') return x
  return typeof x === 'number' ? Number(x !== 0) : unknown()
}

function chosen(c: Context): Dim {
  const condition = aligned(c, 0)
  return typeof condition === 'number' ? aligned(c, condition ? 1 : 2) : unknown()
}

const whole = (dim: Dim): number => (typeof dim === 'number' ? dim : unknown())

const rules: Readonly<Record<string, Rule>> = {
  Add: binary(addDims),
  Sub: binary(subtractDims),
  Mul: binary((a, b) => mulDims(a, b)),
  Equal: comparison(isZero, isNotZero),
  Greater: comparison(
    (least) => least > 0,
    (_, greatest) => greatest <= 0,
  ),
  GreaterOrEqual: comparison(
    (least) => least >= 0,
    (_, greatest) => greatest < 0,
  ),
  Less: comparison(
    (_, greatest) => greatest < 0,
    (least) => least >= 0,
  ),
  LessOrEqual: comparison(
    (_, greatest) => greatest <= 0,
    (least) => least > 0,
  ),
  Not: ({ of }) => 1 - whole(of(0)),
  And: binary((a, b) => (typeof a === 'number' && typeof b === 'number' ? Math.min(a, b) : undefined)),
  Where: chosen,
  Identity: ({ of }) => of(0),
  Cast: converted,
  Expand: (c) => aligned(c, 0),
  Unsqueeze: viewOf(unsqueezed),
  Squeeze: viewOf(squeezed),
  Reshape: viewOf(reshaped),
  Transpose: viewOf(transposed),
  Slice: sliced,
  Gather: gathered,
  GatherElements: gatheredElements,
  Range: ({ content }) => addDims(content(0)[0] as Dim, mulDims(content(2)[0] as Dim, coordinate(0))),
  ConstantOfShape: ({ node }) => toNumbers(node.attributes.value as Tensor)[0] as number,
}

const types: readonly DataType[] = ['int64', 'int32', 'bool']

/** Elements up to which a constant is compared with a polynomial. */
const maxElements = 2 ** 20

/** A constant whose elements are a number for each axis times the coordinate there, plus a number. */
function ofConstant(data: Tensor): Dim | undefined {
  if (elementCount(data.dims) > maxElements || elementCount(data.dims) === 0) return undefined
  const numbers = toNumbers(data)
  const strides = data.dims.map((_, axis) => elementCount(data.dims.slice(axis + 1)))
  const first = numbers[0] as number
  const slopes = strides.map((stride, axis) => (data.dims[axis] === 1 ? 0 : (numbers[stride] as number) - first))
  const isLinear = numbers.every((number, i) => {
    const coordinates = strides.map((stride, axis) => Math.floor(i / stride) % (data.dims[axis] as number))
    return number === coordinates.reduce((sum, at, axis) => sum + at * (slopes[axis] as number), first)
  })
  if (!isLinear) return undefined
  return slopes.reduce<Dim>((sum, slope, axis) => addDims(sum, mulDims(slope, coordinate(axis))), first)
}

/** The polynomial of each value of a graph, for those that have one; they are computed when they are asked for. */
export function polynomials(graph: Graph): (name: string) => Dim | undefined {
  const producers = producersOf(graph)
  const known = new Map<string, Dim | undefined>()
  const find = (name: string): Dim | undefined => {
    const value = getValue(graph, name)
    if (!types.includes(value.dtype) || graph.inputs.includes(name)) return undefined
    const constant = graph.initializers.get(name)
    if (constant) return ofConstant(constant)
    const { content } = value
    if (content && value.shape.length <= 1 && content.length > 0 && content.every((dim) => dim === content[0]))
      return content[0]
    const node = producers.get(name)
    const rule = node && node.domain === '' && Object.hasOwn(rules, node.opType) ? rules[node.opType] : undefined
    return node && rule && attempt(() => rule(contextOf(node, value)))
  }
  const of = (name: string): Dim | undefined => {
    if (!known.has(name)) known.set(name, find(name))
    return known.get(name)
  }
  const contextOf = (node: Node, output: Value): Context => {
    const input = (i: number) => getValue(graph, node.inputs[i] as string)
    return {
      node,
      output,
      input,
      of: (i) => of(node.inputs[i] as string) ?? unknown(),
      content: (i) => input(i).content ?? unknown(),
    }
  }
  return of
}

function attempt(compute: () => Dim): Dim | undefined {
  try {
    return compute()
  } catch (error) {
    if (error instanceof Unknown) return undefined
    throw error
  }
}
