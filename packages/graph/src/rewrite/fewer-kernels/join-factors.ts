// Makes one kernel of a product of several factors, and of the sum or mean of a product along axes.

import { type Graph, getValue, type Node } from '../../ir/graph.ts'
import { attributesOf } from '../../ops/add-node.ts'
import { axisOf } from '../../ops/operator.ts'
import { factorsOf, isRowOfOnes, letter, replaceByEinsum, unitLetter } from './product.ts'
import { replaceNodes, type Rule, ruleByOperator, type Surroundings } from '../replace-nodes.ts'

const isReduction = ({ opType }: Node): boolean => opType === 'ReduceSum' || opType === 'ReduceMean'

/**
 * a b c, of three factors or more. A product that is summed or multiplied on is left to that node, and one with a
 * scalar to the nodes that read it.
 */
const product: Rule = ({ inputs, outputs: [output = ''] }, around) => {
  const { dtype, shape } = around.value(output)
  if (inputs.some((name) => around.value(name).shape.length === 0)) return undefined
  const reader = around.onlyReader(output)
  if (dtype !== 'float32' || shape.length === 0 || reader?.opType === 'Mul' || (reader && isReduction(reader)))
    return undefined
  const found = factorsOf(inputs, shape, around)
  if (!found || found.factors.length < 2 || found.factors.length + Number(found.scale !== 1) < 3) return undefined
  return replaceByEinsum(around, found, shape.map((_, axis) => letter(axis)).join(''))
}

/** The sum or mean of a product along some of its axes. */
const reduction: Rule = (node, around) => {
  const [x = '', axesName = ''] = node.inputs
  const { shape } = around.value(x)
  const axes = reducedAxes(around, axesName, shape.length)
  const found = around.onlyFor(x, 'Mul') && axes.length < shape.length ? factorsOf([x], shape, around) : undefined
  if (!found || axes.length === 0) return undefined
  const size = axes.reduce((count, axis) => count * Number(shape[axis]), 1)
  if (node.opType === 'ReduceMean' && !Number.isInteger(size)) return undefined
  const scale = node.opType === 'ReduceMean' ? found.scale / size : found.scale
  const keeps = attributesOf(node).keepdims === 1
  const output = shape.map((_, axis) => (!axes.includes(axis) ? letter(axis) : keeps ? unitLetter(axis) : ''))
  return replaceByEinsum(around, { ...found, scale }, output.join(''))
}

function reducedAxes({ g }: Surroundings, name: string, rank: number): number[] {
  const content = name === '' ? [] : (getValue(g.graph, name).content ?? [])
  return content.map((axis) => axisOf(Number(axis), rank, 'reduction'))
}

/** Sums of rows as a product with a row of ones, which other devices compute faster so. */
const sumOfRows: Rule = (node, around) => {
  if (!isRowOfOnes(node, around)) return undefined
  const rows = node.inputs[1] as string
  const found = factorsOf([rows], around.value(rows).shape, around)
  return found && replaceByEinsum(around, found, `${unitLetter(0)}${letter(1)}`)
}

const rules: Readonly<Record<string, Rule>> = {
  Mul: product,
  ReduceSum: reduction,
  ReduceMean: reduction,
  Gemm: sumOfRows,
}

/** Rewrites such products and sums as one Einsum. */
export const joinFactors = (graph: Graph): Graph => replaceNodes(graph, ruleByOperator(rules))
