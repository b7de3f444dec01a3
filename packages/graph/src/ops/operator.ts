// Type of a row of the operator table, the context of its shape rule, and helpers for shape rules.

import { ShapeError } from '../errors.ts'
import type { Dim } from '../ir/dim.ts'
import type { Attributes, AttributeType, AttributeValues, Shape, Value, ValueType } from '../ir/graph.ts'
import type { Tensor } from '../tensor/tensor.ts'

/** Type of an output; with `content` if the operator computes shapes. */
export type OutputType = ValueType & { content?: readonly Dim[] }

/** What a rule of shapes is given: a node's inputs, attributes and number of outputs. */
export interface InferContext {
  readonly opType: string
  readonly attributes: Attributes
  /** Inputs; undefined for an omitted optional input. */
  readonly x: readonly (Value | undefined)[]
  /** Number of outputs that the node declares. */
  readonly outputCount: number
  /** The tensor of an input that is an initializer. */
  readonly tensorOf: (value: Value | undefined) => Tensor | undefined
  /** A new symbol, for a dimension that is unknown. */
  readonly unknownDim: () => Dim
  /** Operator and name of the node, for errors. */
  readonly where: string
}

/** Type of an attribute, and its default if it has one. */
export type AttributeRow = {
  readonly [Type in AttributeType]: readonly [type: Type, value?: AttributeValues[Type]]
}[AttributeType]

/** A row of the table of operators. */
export interface Operator {
  /** Minimum and maximum number of inputs. */
  readonly inputs: readonly [number, number]
  /** Supported attributes. */
  readonly attributes: Readonly<Record<string, AttributeRow>>
  /** Indices of inputs that must have one element type, if they are present. */
  readonly same?: readonly number[] | 'all'
  /** @default '', ai.onnx */
  readonly domain?: string
  /** The rule of shapes: element types and shapes of the outputs. */
  readonly infer: (context: InferContext) => OutputType[]
}

const isNumber = (value: unknown): boolean => typeof value === 'number'
const isText = (value: unknown): boolean => typeof value === 'string'
const listOf =
  (is: (value: unknown) => boolean) =>
  (value: unknown): boolean =>
    Array.isArray(value) && value.every(is)

const ofType: { readonly [Type in AttributeType]: (value: unknown) => boolean } = {
  int: Number.isInteger,
  float: isNumber,
  string: isText,
  tensor: (value) => typeof value === 'object' && value !== null && 'bytes' in value,
  ints: listOf(Number.isInteger),
  floats: listOf(isNumber),
  strings: listOf(isText),
}

/** Whether a value is valid for an attribute type. */
export const isOfType = (value: unknown, type: AttributeType): boolean => ofType[type](value)

/** The error for a number of inputs that an operator does not take. */
export const wrongInputCount = (
  where: string,
  [minimum, maximum]: Operator['inputs'],
  { inputs }: { inputs: readonly string[] },
): ShapeError =>
  new ShapeError({
    where,
    what: 'wrong number of inputs',
    expected: minimum === maximum ? String(minimum) : `${minimum} to ${maximum}`,
    found: String(inputs.length),
  })

/** Attributes, and the defaults of those that are not set. */
export function withDefaults(rows: Operator['attributes'], attributes: Attributes): Attributes {
  const defaults = Object.entries(rows).flatMap(([name, [, value]]) => (value === undefined ? [] : [[name, value]]))
  return { ...(Object.fromEntries(defaults) as Attributes), ...attributes }
}

/** Input `i`. @throws {ShapeError} when it is omitted. */
export function input(context: InferContext, i: number): Value {
  const value = context.x[i]
  if (!value) throw new ShapeError({ where: context.where, what: `input ${i} is missing` })
  return value
}

/** An integer attribute. */
export const int = (context: InferContext, name: string): number => Number(context.attributes[name])

/** An attribute that is a list of integers; undefined if it is not set. */
export function ints(context: InferContext, name: string): readonly number[] | undefined {
  return context.attributes[name] as readonly number[] | undefined
}

/** A possibly negative axis, counted from the front. @throws {ShapeError} when it is outside of the rank. */
export function axisOf(axis: number, rank: number, where: string): number {
  const positive = axis < 0 ? axis + rank : axis
  if (!(positive >= 0 && positive < Math.max(rank, 1)))
    throw new ShapeError({ where, what: 'axis out of range', expected: `-${rank} to ${rank - 1}`, found: String(axis) })
  return positive
}

/** The size of an axis. @throws {ShapeError} where there is no such axis. */
export function sizeOf(shape: Shape, axis: number, where: string): Dim {
  const size = shape[axis]
  if (size === undefined)
    throw new ShapeError({ where, what: 'no such axis', expected: `one of [${shape}]`, found: String(axis) })
  return size
}

/** Content of an integer input. @throws {ShapeError} when an element is not known. */
export function knownInts(context: InferContext, i: number): number[] {
  const content = input(context, i).content
  if (!content || content.some((dim) => typeof dim !== 'number')) {
    throw new ShapeError({
      where: context.where,
      what: `input ${i} must be a constant`,
      fix: 'Fold it into an initializer before reading the model.',
    })
  }
  return content as number[]
}

/** Axes of a reduction or (un)squeeze, from the optional second input. */
export const axesInput = (context: InferContext): number[] | undefined =>
  context.x[1] ? knownInts(context, 1) : undefined

/** Greatest number of axes; no kernel takes more than 16. */
const maxRank = 64

/** The shape in an input: its content, or as many unknown dimensions. @throws {ShapeError} for an unknown rank. */
export function shapeInput(context: InferContext, i: number): readonly Dim[] {
  const { content, shape } = input(context, i)
  if (content) return content
  const rank = shape[0]
  if (typeof rank !== 'number' || rank > maxRank)
    throw new ShapeError({ where: context.where, what: 'the rank of a computed shape is unknown', found: `[${shape}]` })
  return Array.from({ length: rank }, () => context.unknownDim())
}

/**
 * Shape of an elementwise result under NumPy's broadcasting. Two different symbols are assumed to be equal.
 * @throws {ShapeError} when two known sizes differ and neither is 1.
 */
export function broadcastShapes(shapes: readonly Shape[], where: string): Shape {
  const rank = Math.max(...shapes.map((shape) => shape.length))
  return Array.from({ length: rank }, (_, i) => {
    let dim: Dim = 1
    for (const shape of shapes) {
      const other = shape[i - rank + shape.length] ?? 1
      if (other === 1 || other === dim) continue
      if (dim !== 1 && typeof dim === 'number' && typeof other === 'number') {
        throw new ShapeError({
          where,
          what: 'shapes do not broadcast',
          found: shapes.map((s) => `[${s.join(', ')}]`).join(' and '),
        })
      }
      if (dim === 1 || typeof other === 'number') dim = other
    }
    return dim
  })
}

/** The element type of a value with another shape. */
export const like = (value: Value, shape: Shape): OutputType => ({ dtype: value.dtype, shape })
