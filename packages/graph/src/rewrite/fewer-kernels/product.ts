// A product of factors whose axes have letters: what one Einsum computes.

import { addInitializer, type Node, type Shape, type Value } from '../../ir/graph.ts'
import type { Builder } from '../../ops/build.ts'
import { float32 } from '../../tensor/tensor.ts'
import { constantNumber, isOnes } from '../constant-number.ts'
import type { Surroundings } from '../replace-nodes.ts'

export interface Factor {
  value: Value
  /** A letter for each axis. */
  term: string
}

export interface Product {
  factors: readonly Factor[]
  /** A number that multiplies the product. */
  scale: number
}

/** Factors beyond which a kernel would bind more than the eight buffers that WebGPU guarantees. */
const maxFactors = 6

/** Letters of axes of size 1, which vary nothing; the others take the letters from `a` on. */
const unitLetters = 'ZYXWVUTS'

/** The letter of a scalar that is computed, as a vector of one element. */
const scalarLetter = 'Q'

/** The letter of an axis. */
export const letter = (axis: number): string => String.fromCharCode(97 + axis)

/** The letter of an axis that has size 1. */
export const unitLetter = (axis: number): string => unitLetters[axis] as string

/** Whether a Gemm multiplies a row of ones: other devices compute sums over rows so. */
export function isRowOfOnes({ inputs, attributes }: Node, around: Surroundings): boolean {
  const { transA = 0, transB = 0, alpha = 1 } = attributes
  return isOnes(inputs[0] as string, around) && !inputs[2] && !transA && !transB && alpha === 1
}

/** Whether a reduction is along the last axis of its input, and no other. */
export function isAlongLast({ inputs: [x = '', axes = ''] }: Node, { value }: Surroundings): boolean {
  const content = axes === '' ? undefined : value(axes).content
  return content?.length === 1 && (content[0] === -1 || content[0] === value(x).shape.length - 1)
}

/** A number as a constant of one element, shared by all that read it. */
export function unit(g: Builder, number: number, dims: readonly number[]): Value {
  const name = `constant.float32[${dims}](${number})`
  return g.graph.values.get(name) ?? addInitializer(g.graph, name, float32(dims, [number]))
}

/**
 * The factors of an elementwise product of the given shape, through Muls that nothing else reads, and through products
 * with a scalar. Undefined for more factors than a kernel binds.
 */
export function factorsOf(names: readonly string[], shape: Shape, around: Surroundings): Product | undefined {
  const factors: Factor[] = []
  let scale = 1
  const pending = [...names].reverse()
  while (pending.length) {
    const name = pending.pop() as string
    const number = constantNumber(around.g.graph, name)
    const product = around.onlyFor(name, 'Mul') ?? scalarProduct(name, around)
    if (number !== undefined) scale *= number
    else if (product) pending.push(...[...product.inputs].reverse())
    else {
      const value = around.value(name)
      const isScalar = value.shape.length === 0
      const term = isScalar ? scalarLetter : broadcastTerm(value, shape)
      if (term === undefined || value.dtype !== 'float32') return undefined
      factors.push({ value: isScalar ? around.g.Reshape(value, around.g.int64([1])) : value, term })
    }
  }
  return new Set(factors.map(({ value }) => value.name)).size <= maxFactors ? { factors, scale } : undefined
}

/** A product with a scalar, which is read through even where others read it: it is no kernel if all do so. */
export function scalarProduct(name: string, { producer, value }: Surroundings): Node | undefined {
  const node = producer(name)
  return node?.opType === 'Mul' && node.inputs.some((input) => value(input).shape.length === 0) ? node : undefined
}

/** The letters of a value that broadcasts to `shape`: axes of size 1 have letters of their own. */
function broadcastTerm(value: Value, shape: Shape): string | undefined {
  const first = shape.length - value.shape.length
  const letters = value.shape.map((dim, i) =>
    dim === shape[first + i] ? letter(first + i) : dim === 1 ? unitLetters[first + i] : undefined,
  )
  return letters.every(Boolean) ? letters.join('') : undefined
}

/**
 * Replaces a node by the Einsum of a product.
 * @param output The letters of the result. Letters that no factor has are of axes of size 1.
 */
export function replaceByEinsum({ g, replace }: Surroundings, { factors, scale }: Product, output: string): true {
  const terms = factors.map(({ term }) => term)
  const missing = [...output].filter((axis) => !terms.join('').includes(axis))
  const constant = missing.length || scale !== 1 ? [unit(g, scale, missing.length ? missing.map(() => 1) : [1])] : []
  const constantTerm = missing.length ? missing.join('') : 'R'
  const equation = `${[...terms, ...(constant.length ? [constantTerm] : [])].join(',')}->${output}`
  return replace('Einsum', [...factors.map(({ value }) => value), ...constant], { equation })
}
