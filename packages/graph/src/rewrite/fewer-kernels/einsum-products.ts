// Lets batched products read and write their axes in any order: the products of attention, which move between heads and
// tokens, and their gradients. On a GPU a transpose is a kernel of its own that reads and writes everything once more.

import type { Graph, Node } from '../../ir/graph.ts'
import { type EinsumTerms, einsumTerms } from '../../ops/einsum.ts'
import { constantNumber } from '../constant-number.ts'
import { type Factor, letter, type Product, replaceByEinsum } from './product.ts'
import { eitherOrder, replaceNodes, type Rule, ruleByOperator, type Surroundings } from '../replace-nodes.ts'

interface BatchedProduct extends Product {
  output: string
}

/**
 * Rewrites MatMuls of three axes or more together with the Transposes, and the products with a number, of their factors
 * and their result, as one Einsum. A MatMul without them stays.
 */
export const einsumProducts = (graph: Graph): Graph => replaceNodes(graph, ruleByOperator(rules))

const rules: Readonly<Record<string, Rule>> = {
  MatMul: (node, around) => {
    const product = productOf(node, around)
    return product?.isFolded ? replaceByEinsum(around, product, product.output) : undefined
  },
  Transpose: ({ inputs: [x = ''], attributes }, around) => {
    const perm = attributes.perm as readonly number[] | undefined
    const product = perm && productBefore(x, around)
    return product && replaceByEinsum(around, product, perm.map((axis) => product.output[axis]).join(''))
  },
  Mul: ({ inputs }, around) => {
    for (const [x, factor] of eitherOrder(inputs)) {
      const number = constantNumber(around.g.graph, factor)
      const product = number === undefined ? undefined : productBefore(x, around)
      if (product && number !== undefined)
        return replaceByEinsum(around, { ...product, scale: product.scale * number }, product.output)
    }
    return undefined
  },
}

/** The product that a value is, if nothing else reads it. */
function productBefore(name: string, around: Surroundings): BatchedProduct | undefined {
  const node = around.onlyFor(name, 'MatMul', 'Einsum')
  return node && productOf(node, around)
}

function productOf(node: Node, around: Surroundings): (BatchedProduct & { isFolded: boolean }) | undefined {
  const terms = node.opType === 'MatMul' ? matMulTerms(node, around) : einsumTerms(String(node.attributes.equation))
  if (!terms) return undefined
  const factors: Factor[] = []
  let [scale, isFolded] = [1, false]
  for (const [i, term] of terms.inputs.entries()) {
    const read = readThrough({ value: around.value(node.inputs[i] as string), term }, around)
    const number = constantNumber(around.g.graph, read.factor.value.name)
    isFolded ||= read.factor.value.name !== node.inputs[i]
    scale *= read.scale * (number ?? 1)
    if (number === undefined) factors.push(read.factor)
  }
  return { factors, scale, isFolded, output: terms.output }
}

/** A factor before its Transposes and its products with a number. */
function readThrough(factor: Factor, around: Surroundings): { factor: Factor; scale: number } {
  const node = around.producer(factor.value.name)
  if (node?.opType === 'Transpose' && node.attributes.perm) {
    const term: string[] = []
    for (const [i, axis] of (node.attributes.perm as readonly number[]).entries()) term[axis] = factor.term[i] as string
    return readThrough({ value: around.value(node.inputs[0] as string), term: term.join('') }, around)
  }
  for (const [x, number] of node?.opType === 'Mul' ? eitherOrder(node.inputs) : []) {
    const scale = constantNumber(around.g.graph, number)
    if (scale === undefined) continue
    const before = readThrough({ ...factor, value: around.value(x) }, around)
    return { factor: before.factor, scale: scale * before.scale }
  }
  return { factor, scale: 1 }
}

/** The letters of a MatMul whose factors have the same batch axes. */
function matMulTerms({ inputs: [a = '', b = ''] }: Node, { value }: Surroundings): EinsumTerms | undefined {
  const [left, right] = [value(a), value(b)]
  const rank = left.shape.length
  const batch = left.shape.slice(0, -2)
  if (rank < 3 || rank !== right.shape.length || left.dtype !== 'float32') return undefined
  if (!batch.every((dim, axis) => dim === right.shape[axis])) return undefined
  const axes = batch.map((_, axis) => letter(axis)).join('')
  const [row, inner, column] = [0, 1, 2].map((i) => letter(batch.length + i))
  return { inputs: [`${axes}${row}${inner}`, `${axes}${inner}${column}`], output: `${axes}${row}${column}` }
}
