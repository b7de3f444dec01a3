// Rows of operators that reshape, permute, concatenate, split, slice, pad or repeat.

import { ShapeError } from '../errors.ts'
import { addDims, type Dim, divDims, mulDims } from '../ir/dim.ts'
import type { Shape, Value } from '../ir/graph.ts'
import {
  axesInput,
  axisOf,
  broadcastShapes,
  input,
  int,
  type InferContext,
  ints,
  knownInts,
  like,
  type Operator,
  type OutputType,
  shapeInput,
  sizeOf,
} from './operator.ts'

function reshape(c: InferContext): Shape {
  const { shape } = input(c, 0)
  const target = shapeInput(c, 1).map((dim, i) => (dim === 0 && !int(c, 'allowzero') ? sizeOf(shape, i, c.where) : dim))
  const known = target.filter((dim) => dim !== -1)
  const total = mulDims(...shape)
  if (known.length === target.length) {
    const size = mulDims(...known)
    if (typeof size === 'number' && typeof total === 'number' && size !== total)
      throw new ShapeError({
        where: c.where,
        what: `cannot reshape [${shape}]`,
        expected: `${total} elements`,
        found: `[${target}]`,
      })
    return target
  }
  const divisor = mulDims(...known)
  const quotient = divisor === 0 ? undefined : quotientOf(shape, known)
  if (quotient === undefined && typeof total === 'number' && typeof divisor === 'number')
    throw new ShapeError({ where: c.where, what: `cannot reshape [${shape}]`, found: `[${target}]` })
  return target.map((dim) => (dim === -1 ? (quotient ?? c.unknownDim()) : dim))
}

/** Quotient of two products of dimensions; factors that both have cancel, so that they may be sums of symbols. */
function quotientOf(factors: Shape, divisors: Shape): Dim | undefined {
  const rest = [...factors]
  const others = divisors.filter((dim) => {
    const at = rest.indexOf(dim)
    if (at >= 0) rest.splice(at, 1)
    return at < 0
  })
  return divDims(mulDims(...rest), mulDims(...others))
}

function concat(c: InferContext): OutputType {
  const values = c.x.map((_, i) => input(c, i))
  const first = values[0] as Value
  const axis = axisOf(int(c, 'axis'), first.shape.length, c.where)
  for (const value of values)
    if (value.shape.length !== first.shape.length)
      throw new ShapeError({
        where: c.where,
        what: 'ranks differ',
        expected: `[${first.shape}]`,
        found: `[${value.shape}]`,
      })
  const size = values.map((value) => sizeOf(value.shape, axis, c.where)).reduce(addDims)
  const type = like(
    first,
    first.shape.map((dim, i) => (i === axis ? size : dim)),
  )
  const known = values.every((value) => value.content && value.shape.length === 1)
  return known ? { ...type, content: values.flatMap((value) => value.content ?? []) } : type
}

function slice(c: InferContext): OutputType {
  const data = input(c, 0)
  const rank = data.shape.length
  const [starts, ends] = [input(c, 1).content, input(c, 2).content]
  const axes = c.x[3] ? knownInts(c, 3) : Array.from({ length: rank }, (_, i) => i)
  const steps = c.x[4]?.content ?? axes.map(() => 1)
  if (steps.includes(0))
    throw new ShapeError({ where: c.where, what: 'a step of 0', expected: 'another', found: `[${steps}]` })
  const shape = [...data.shape]
  axes.forEach((axis, i) => {
    const at = axisOf(axis, rank, c.where)
    shape[at] = slicedSize(sizeOf(data.shape, at, c.where), starts?.[i], ends?.[i], steps[i]) ?? c.unknownDim()
  })
  const type = like(data, shape)
  const numbers = starts && ends && [starts[0], ends[0], steps[0]].every((n) => typeof n === 'number')
  if (!data.content || !numbers || rank !== 1) return type
  const positions = sliceRange(data.content.length, starts[0] as number, ends[0] as number, steps[0] as number)
  return { ...type, content: positions.map((i) => data.content?.[i] as Dim) }
}

/** The first position that Slice takes from `size` elements, and the one that ends it. */
function sliceBounds(size: number, start: number, end: number, step: number): [first: number, last: number] {
  const clamp = (i: number, low: number, high: number) => Math.min(Math.max(i < 0 ? i + size : i, low), high)
  return step > 0 ? [clamp(start, 0, size), clamp(end, 0, size)] : [clamp(start, 0, size - 1), clamp(end, -1, size - 1)]
}

/** Positions that Slice takes from `size` elements. */
function sliceRange(size: number, start: number, end: number, step: number): number[] {
  const positions: number[] = []
  const [first, last] = sliceBounds(size, start, end, step)
  for (let i = first; step > 0 ? i < last : i > last; i += step) positions.push(i)
  return positions
}

function slicedSize(size: Dim, start?: Dim, end?: Dim, step?: Dim): Dim | undefined {
  if (typeof start === 'number' && typeof step === 'number' && typeof size === 'number' && typeof end === 'number') {
    const [first, last] = sliceBounds(size, start, end, step)
    return Math.max(0, Math.ceil((last - first) / step))
  }
  if (start !== 0 || step !== 1 || end === undefined) return undefined
  if (typeof end === 'number') return end >= 2 ** 31 - 1 ? size : end < 0 ? addDims(size, end) : undefined
  return end
}

function split(c: InferContext): OutputType[] {
  const data = input(c, 0)
  const axis = axisOf(int(c, 'axis'), data.shape.length, c.where)
  const sizes = c.x[1] ? shapeInput(c, 1) : equalParts(c, sizeOf(data.shape, axis, c.where))
  return sizes.map((size) =>
    like(
      data,
      data.shape.map((dim, i) => (i === axis ? size : dim)),
    ),
  )
}

function equalParts(c: InferContext, size: Dim): Dim[] {
  const count = Number(c.attributes.num_outputs ?? c.outputCount)
  if (count !== c.outputCount)
    throw new ShapeError({
      where: c.where,
      what: 'num_outputs is not the number of outputs',
      expected: String(c.outputCount),
      found: String(count),
    })
  if (typeof size !== 'number') return Array.from({ length: count }, () => divDims(size, count) ?? c.unknownDim())
  const part = Math.ceil(size / count)
  return Array.from({ length: count }, (_, i) => Math.min(part, size - i * part))
}

function squeeze(c: InferContext): OutputType {
  const data = input(c, 0)
  const axes = axesInput(c)?.map((axis) => axisOf(axis, data.shape.length, c.where))
  const shape = data.shape.filter((dim, i) => (axes ? !axes.includes(i) : dim !== 1))
  return { ...like(data, shape), ...(data.content ? { content: data.content } : {}) }
}

function unsqueeze(c: InferContext): OutputType {
  const data = input(c, 0)
  const axes = knownInts(c, 1)
  const rank = data.shape.length + axes.length
  const at = axes.map((axis) => axisOf(axis, rank, c.where))
  const rest = [...data.shape]
  const shape = Array.from({ length: rank }, (_, i) => (at.includes(i) ? 1 : (rest.shift() as Dim)))
  return { ...like(data, shape), ...(data.content ? { content: data.content } : {}) }
}

function pad(c: InferContext): Shape {
  const { shape } = input(c, 0)
  const pads = knownInts(c, 1)
  const axes = c.x[3] ? knownInts(c, 3).map((axis) => axisOf(axis, shape.length, c.where)) : shape.map((_, i) => i)
  return shape.map((dim, i) => {
    const at = axes.indexOf(i)
    return at < 0 ? dim : addDims(dim, (pads[at] as number) + (pads[at + axes.length] as number))
  })
}

function flatten(c: InferContext): Shape {
  const { shape } = input(c, 0)
  const axis = int(c, 'axis') === shape.length ? shape.length : axisOf(int(c, 'axis'), shape.length, c.where)
  return [mulDims(...shape.slice(0, axis)), mulDims(...shape.slice(axis))]
}

function tile(c: InferContext): Shape {
  const repeats = shapeInput(c, 1)
  return input(c, 0).shape.map((dim, i) => mulDims(dim, sizeOf(repeats, i, c.where)))
}

export const movement = {
  Reshape: {
    inputs: [2, 2],
    attributes: { allowzero: ['int', 0] },
    infer: (c) => [
      { ...like(input(c, 0), reshape(c)), ...(input(c, 0).content ? { content: input(c, 0).content as Dim[] } : {}) },
    ],
  },
  Transpose: {
    inputs: [1, 1],
    attributes: { perm: ['ints'] },
    infer: (c) => {
      const { shape } = input(c, 0)
      const perm = ints(c, 'perm') ?? shape.map((_, i) => shape.length - 1 - i)
      if (perm.length !== shape.length)
        throw new ShapeError({
          where: c.where,
          what: 'perm does not fit the rank',
          expected: `${shape.length} axes`,
          found: `[${perm}]`,
        })
      return [
        like(
          input(c, 0),
          perm.map((i) => sizeOf(shape, i, c.where)),
        ),
      ]
    },
  },
  Squeeze: { inputs: [1, 2], attributes: {}, infer: (c) => [squeeze(c)] },
  Unsqueeze: { inputs: [2, 2], attributes: {}, infer: (c) => [unsqueeze(c)] },
  Flatten: { inputs: [1, 1], attributes: { axis: ['int', 1] }, infer: (c) => [like(input(c, 0), flatten(c))] },
  Expand: {
    inputs: [2, 2],
    attributes: {},
    infer: (c) => [like(input(c, 0), broadcastShapes([input(c, 0).shape, shapeInput(c, 1)], c.where))],
  },
  Tile: { inputs: [2, 2], attributes: {}, infer: (c) => [like(input(c, 0), tile(c))] },
  Concat: { inputs: [1, 1000], attributes: { axis: ['int'] }, same: 'all', infer: (c) => [concat(c)] },
  Split: { inputs: [1, 2], attributes: { axis: ['int', 0], num_outputs: ['int'] }, infer: split },
  Slice: { inputs: [3, 5], attributes: {}, infer: (c) => [slice(c)] },
  Pad: {
    inputs: [2, 4],
    attributes: { mode: ['string', 'constant'] },
    same: [0, 2],
    infer: (c) => [like(input(c, 0), pad(c))],
  },
  Trilu: { inputs: [1, 2], attributes: { upper: ['int', 1] }, infer: (c) => [like(input(c, 0), input(c, 0).shape)] },
} satisfies Record<string, Operator>
