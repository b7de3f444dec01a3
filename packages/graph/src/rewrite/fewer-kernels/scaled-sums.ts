// Makes one kernel of a scaled sum, a x + b y. Gemm computes alpha A B + beta C: with the number a as a matrix of one
// element, and x and y as rows, that is a sum of any two tensors.

import { sameShape } from '../../ir/dim.ts'
import type { Graph, Shape, Value } from '../../ir/graph.ts'
import type { Builder } from '../../ops/build.ts'
import { constantNumber } from '../constant-number.ts'
import { scalarProduct, unit } from './product.ts'
import { eitherOrder, replaceNodes, type Surroundings } from '../replace-nodes.ts'

/** A value times a number, and times a scalar that is computed. */
interface Scaled {
  value: Value
  number: number
  scalar?: Value
}

/** Rewrites Add and Sub of two values, of which one at least is scaled, as one Gemm. */
export const scaledSums = (graph: Graph): Graph =>
  replaceNodes(graph, ({ opType, inputs, outputs }, around) => {
    const { dtype, shape } = around.value(outputs[0] as string)
    if ((opType !== 'Add' && opType !== 'Sub') || dtype !== 'float32') return undefined
    const [left, right] = inputs.map((name) => scaledOf(name, around)) as [Scaled, Scaled]
    const terms = [left, opType === 'Sub' ? { ...right, number: -right.number } : right] as const
    for (const [i, name] of inputs.entries()) {
      const [term, other] = [terms[i] as Scaled, terms[1 - i] as Scaled]
      const isScaled = term.value.name !== name && sameShape(term.value.shape, shape)
      if (isScaled && !other.scalar) {
        const addend = addendOf(around.g, other, shape)
        if (addend)
          return around.replace('Reshape', [
            sumOfRow(around.g, term, addend),
            shapeAsInput(around.g, term.value, shape),
          ])
      }
    }
    return undefined
  })

/**
 * The value before products with scalars; a product with a computed scalar is read through even where others read it.
 */
function scaledOf(name: string, around: Surroundings): Scaled {
  const [product, negated] = [around.onlyFor(name, 'Mul') ?? scalarProduct(name, around), around.onlyFor(name, 'Neg')]
  if (negated) {
    const inner = scaledOf(negated.inputs[0] as string, around)
    return { ...inner, number: -inner.number }
  }
  for (const [x, factor] of product ? eitherOrder(product.inputs) : []) {
    const number = constantNumber(around.g.graph, factor)
    const scalar = around.value(factor)
    if (number === undefined && scalar.shape.length > 0) continue
    const inner = scaledOf(x, around)
    if (number !== undefined) return { ...inner, number: number * inner.number }
    return inner.scalar ? { value: around.value(x), number: 1, scalar } : { ...inner, scalar }
  }
  return { value: around.value(name), number: 1 }
}

/** The addend as a row, or as one element, and its factor. */
function addendOf(g: Builder, { value, number }: Scaled, shape: Shape): { row: Value; beta: number } | undefined {
  const constant = constantNumber(g.graph, value.name)
  if (constant !== undefined) return { row: unit(g, 1, [1]), beta: constant * number }
  return sameShape(value.shape, shape) ? { row: asRow(g, value), beta: number } : undefined
}

/** A value as a matrix of one row. */
export const asRow = (g: Builder, value: Value): Value => g.Reshape(value, g.int64([1, -1]))

function sumOfRow(g: Builder, { value, number, scalar }: Scaled, { row, beta }: { row: Value; beta: number }): Value {
  const factor = scalar ? g.Reshape(scalar, g.int64([1, 1])) : unit(g, 1, [1, 1])
  return g.Gemm(factor, asRow(g, value), row, { alpha: number, beta })
}

/** A shape as the target of a Reshape: a constant if at most one of its sizes is open, else that of a value. */
export function shapeAsInput(g: Builder, value: Value, shape: Shape): Value {
  const open = shape.filter((dim) => typeof dim !== 'number').length
  return open < 2 ? g.int64(shape.map((dim) => (typeof dim === 'number' ? dim : -1))) : g.Shape(value)
}
