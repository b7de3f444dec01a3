// What a row of the operator table says, and the context its shape rule works in.

import { ShapeError } from '../errors.ts'
import type { Dim } from '../ir/dim.ts'
import type { Attributes, AttributeType, AttributeValues, Shape, Value, ValueType } from '../ir/graph.ts'
import type { Tensor } from '../tensor/tensor.ts'

/** Type of an output; `content` where the operator computes with shapes. */
export type OutputType = ValueType & { content?: readonly Dim[] }

export interface InferContext {
  readonly opType: string
  readonly attributes: Attributes
  /** Inputs; undefined where optional and omitted. */
  readonly x: readonly (Value | undefined)[]
  /** Number of outputs that the node names. */
  readonly outputCount: number
  /** The tensor behind an input, where it is an initializer. */
  readonly tensorOf: (value: Value | undefined) => Tensor | undefined
  /** A dimension that nothing is known about. */
  readonly unknownDim: () => Dim
  /** Name of the node, for errors. */
  readonly where: string
}

/** Type of an attribute and its default, where it has one. */
export type AttributeRow = {
  readonly [Type in AttributeType]: readonly [type: Type, value?: AttributeValues[Type]]
}[AttributeType]

export interface Operator {
  /** Least and greatest number of inputs. */
  readonly inputs: readonly [number, number]
  /** Attributes that it understands. */
  readonly attributes: Readonly<Record<string, AttributeRow>>
  /** Inputs that must be of one element type, where they are given. */
  readonly same?: readonly number[] | 'all'
  /** Domain, where it is not ai.onnx. */
  readonly domain?: string
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

/** Whether a value can be that of an attribute of a type. */
export const isOfType = (value: unknown, type: AttributeType): boolean => ofType[type](value)

/** Input `i`, which the table guarantees to be there. */
export function input(context: InferContext, i: number): Value {
  const value = context.x[i]
  if (!value) throw new ShapeError({ where: context.where, what: `input ${i} is missing` })
  return value
}

/** A whole-number attribute. */
export const int = (context: InferContext, name: string): number => Number(context.attributes[name])

/** A list attribute; undefined where it is not given. */
export function ints(context: InferContext, name: string): readonly number[] | undefined {
  return context.attributes[name] as readonly number[] | undefined
}

/** Axis counted from the front. @throws {ShapeError} when it is outside the rank. */
export function axisOf(axis: number, rank: number, where: string): number {
  const positive = axis < 0 ? axis + rank : axis
  if (positive < 0 || positive >= Math.max(rank, 1))
    throw new ShapeError({ where, what: 'axis out of range', expected: `-${rank} to ${rank - 1}`, found: String(axis) })
  return positive
}

/** Content of an input of whole numbers, all known. @throws {ShapeError} when something in it is not. */
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

/** Axes of a reduction or (un)squeeze given as an optional second input. */
export const axesInput = (context: InferContext): number[] | undefined =>
  context.x[1] ? knownInts(context, 1) : undefined

/**
 * Shape of an elementwise result under NumPy's broadcasting. Two different symbols are taken to be equal in size.
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
