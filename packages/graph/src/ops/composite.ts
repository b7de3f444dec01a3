// Small formulas of several operators, shared by models, losses and gradient rules.

import { requireKind } from '../door.ts'
import type { Value } from '../ir/graph.ts'
import { type DataType, dataTypes } from '../tensor/dtype.ts'
import { tensor } from '../tensor/tensor.ts'
import type { Builder } from './build.ts'

/** A scalar of the same element type as `value`. */
export const scalarLike = (g: Builder, value: Value, number: number): Value => {
  requireKind('scalarLike, g', g, 'builder')
  return g.scalar(number, value.dtype)
}

/** `value` times a number; `value` itself for 1. */
export const scale = (g: Builder, value: Value, factor: number): Value => {
  requireKind('scale, g', g, 'builder')
  return factor === 1 ? value : g.Mul(value, scalarLike(g, value, factor))
}

/** Converts the element type, if it differs. */
export const cast = (g: Builder, value: Value, to: DataType): Value => {
  requireKind('cast, g', g, 'builder')
  return value.dtype === to ? value : g.Cast(value, { to: dataTypes[to].onnx })
}

/** Dropout with probability `p` in training; `x` itself for 0. The mask depends on the node's name. */
export const dropout = (g: Builder, x: Value, p: number, name: string): Value => {
  requireKind('dropout, g', g, 'builder')
  return p === 0 ? x : (g.node('Dropout', [x, g.scalar(p)], { name })[0] as Value)
}

/** Swaps the last two axes. */
export function transposeMatrix(g: Builder, value: Value): Value {
  requireKind('transposeMatrix, g', g, 'builder')
  const rank = value.shape.length
  const perm = Array.from({ length: rank }, (_, i) => i)
  return g.Transpose(value, { perm: [...perm.slice(0, -2), rank - 1, rank - 2] })
}

/** The axes from `axis` (which may be negative) to the last. */
export const lastAxes = ({ shape }: Value, axis: number): number[] => {
  const first = (axis + shape.length) % shape.length
  return Array.from({ length: shape.length - first }, (_, i) => first + i)
}

/** 1 / sqrt(mean(x^2) + epsilon) over the axes from `axis` to the last, which become 1. */
export function inverseRms(g: Builder, x: Value, { axis, epsilon }: { axis: number; epsilon: number }): Value {
  const mean = g.ReduceMean(g.Mul(x, x), g.int64(lastAxes(x, axis)))
  return g.Reciprocal(g.Sqrt(g.Add(mean, scalarLike(g, x, epsilon))))
}

/**
 * x / max(|x|, epsilon) over the last axis: rows of norm 1, except rows of zeros, which stay zero
 * (torch.nn.functional.normalize).
 */
export function normalizeRows(g: Builder, x: Value, epsilon = 1e-12): Value {
  requireKind('normalizeRows, g', g, 'builder')
  const squares = g.ReduceSum(g.Mul(x, x), g.int64([-1]))
  return g.Div(x, g.Sqrt(g.Max(squares, scalarLike(g, x, epsilon ** 2))))
}

/** Zeros of the shape and element type of `value`. */
export const zerosLike = (g: Builder, value: Value): Value => g.Expand(scalarLike(g, value, 0), g.Shape(value))

/** Whether `indices` (int32, any shape) equals each class, bool, in a new last axis. */
export function isClass(g: Builder, indices: Value, classes: number): Value {
  requireKind('isClass, g', g, 'builder')
  const name = `constant.range(${classes})`
  const range =
    g.graph.values.get(name) ??
    g.constant(
      name,
      tensor(
        'int32',
        [classes],
        Int32Array.from({ length: classes }, (_, i) => i),
      ),
    )
  return g.Equal(g.Unsqueeze(indices, g.int64([-1])), range)
}

/**
 * Rows of an identity matrix: 1 where `indices` (int32, any shape) equals the class, in a new last axis.
 * Indices outside `0..classes-1` give a row of zeros.
 */
export const oneHot = (g: Builder, indices: Value, classes: number, dtype: DataType): Value => {
  requireKind('oneHot, g', g, 'builder')
  return cast(g, isClass(g, indices, classes), dtype)
}

/** Most tensors beside its input that a node may have on WebGPU, whose shaders bind at least eight buffers. */
const mostParts = 4

/** Equal parts of a value's rows; `count` divides their number. */
export function splitRows(g: Builder, value: Value, count: number): Value[] {
  requireKind('splitRows, g', g, 'builder')
  if (count === 1) return [value]
  const parts = (count > mostParts && [4, 3, 2].find((divisor) => count % divisor === 0)) || count
  const first = g.node('Split', [value], { attributes: { axis: 0, num_outputs: parts }, outputCount: parts })
  return first.flatMap((part) => splitRows(g, part, count / parts))
}

/** Joins the rows of values: the inverse of {@link splitRows}. */
export function joinRows(g: Builder, values: readonly Value[]): Value {
  requireKind('joinRows, g', g, 'builder')
  if (values.length === 1) return values[0] as Value
  const groups = Array.from({ length: Math.ceil(values.length / mostParts) }, (_, i) =>
    values.slice(i * mostParts, (i + 1) * mostParts),
  )
  return joinRows(
    g,
    groups.map((group) => (group.length === 1 ? (group[0] as Value) : g.Concat(...group, { axis: 0 }))),
  )
}
