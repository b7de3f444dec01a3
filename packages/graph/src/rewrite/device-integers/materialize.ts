// Computes integers from shapes on the device. A range is a running sum of ones, and ones are where a value equals
// itself: no operator reads a size, which would be on the host.

import { type Dim, dimTerms } from '../../ir/dim.ts'
import type { Shape, Value } from '../../ir/graph.ts'
import type { Builder } from '../../ops/build.ts'
import { cast } from '../../ops/composite.ts'
import { tensorOf } from '../../tensor/tensor.ts'
import { memoize } from '../memoize.ts'
import { axisOfSymbol } from './polynomials.ts'

/** Makes the int32 value of a shape whose elements are a polynomial; undefined where a size is that of no input. */
export type Materialize = (polynomial: Dim, shape: Shape) => Value | undefined

/**
 * @param inputs Integer inputs of the graph: ids and masks, which have elements. Kernels refuse to sum an empty tensor,
 * as a cache is at first; what depends on its size is left to the host.
 */
export function materializer(g: Builder, inputs: () => readonly Value[]): Materialize {
  const once = memoize<Value | undefined>()
  const number = (value: number) => g.scalar(value, 'int32')
  /** Ones, [dim]. */
  const ones = (dim: Dim): Value | undefined =>
    once(`ones ${dim}`, () => {
      if (typeof dim === 'number') return g.constant(`ones(${dim})`, tensorOf('int32', [dim], Array(dim).fill(1)))
      const value = inputs().find(({ shape }) => shape.includes(dim))
      if (!value) return undefined
      const others = value.shape.map((_, i) => i).filter((i) => i !== value.shape.indexOf(dim))
      const numbers = value.dtype === 'bool' ? cast(g, value, 'int32') : value
      const vector = others.length ? g.ReduceMax(numbers, g.int64(others), { keepdims: 0 }) : numbers
      return cast(g, g.Equal(vector, vector), 'int32')
    })
  /** 0, 1, ..., dim - 1. */
  const range = (dim: Dim): Value | undefined =>
    once(`range ${dim}`, () => {
      if (typeof dim === 'number') return g.constant(`range(${dim})`, tensorOf('int32', [dim], [...Array(dim).keys()]))
      const steps = ones(dim)
      return steps && g.CumSum(steps, g.scalar(0, 'int64'), { exclusive: 1 })
    })
  /** A dimension as a number, [1]. */
  const size = (dim: Dim): Value | undefined =>
    once(`size ${dim}`, () => {
      const counted = ones(dim)
      return counted && g.ReduceSum(counted, g.int64([0]))
    })
  const along = (vector: Value | undefined, axis: number, rank: number): Value | undefined => {
    const others = Array.from({ length: rank }, (_, i) => i).filter((i) => i !== axis)
    return vector && (others.length ? g.Unsqueeze(vector, g.int64(others)) : vector)
  }
  const sum = (a: Value | undefined, b: Value | undefined) => a && b && g.Add(a, b)
  const product = (a: Value | undefined, b: Value | undefined) => a && b && g.Mul(a, b)

  const compute = (polynomial: Dim, shape: Shape): Value | undefined => {
    const rank = shape.length
    const terms = dimTerms(polynomial).map(({ coefficient, symbols }) => {
      const factors = symbols.map((symbol) => {
        const axis = axisOfSymbol(symbol)
        return axis === undefined ? size(symbol) : along(range(shape[axis] as Dim), axis, rank)
      })
      const scale = coefficient === 1 && factors.length ? [] : [number(coefficient)]
      return [...factors, ...scale].reduce(product)
    })
    const total = terms.length ? terms.reduce(sum) : number(0)
    // The axes along which nothing varies.
    return shape.reduce<Value | undefined>((value, dim, axis) => {
      const isThere = value && value.shape[axis - rank + value.shape.length] === dim
      return isThere ? value : product(value, along(ones(dim), axis, rank))
    }, total)
  }
  return (polynomial, shape) => once(`${polynomial} [${shape}]`, () => compute(polynomial, shape))
}
