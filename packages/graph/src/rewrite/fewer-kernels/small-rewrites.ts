// Rewrites of two or three nodes as one.

import { sameShape } from '../../ir/dim.ts'
import type { Graph, Node } from '../../ir/graph.ts'
import { attributesOf } from '../../ops/add-node.ts'
import { broadcastShapes } from '../../ops/operator.ts'
import { constantNumber } from '../constant-number.ts'
import { isAlongLast } from './product.ts'
import { eitherOrder, replaceNodes, type Rule, type Surroundings } from '../replace-nodes.ts'

/** log(sum(exp(x))). */
const logSumExp: Rule = ({ inputs: [name = ''] }, { onlyFor, value, replace }) => {
  const sum = onlyFor(name, 'ReduceSum')
  const exp = sum && onlyFor(sum.inputs[0] as string, 'Exp')
  return exp && replace('ReduceLogSumExp', [exp.inputs[0] as string, ...sum.inputs.slice(1)].map(value), sum.attributes)
}

/** sqrt(sum(x^2)). */
const norm: Rule = ({ inputs: [name = ''] }, { onlyFor, value, replace }) => {
  const sum = onlyFor(name, 'ReduceSumSquare')
  return sum && replace('ReduceL2', sum.inputs.map(value), sum.attributes)
}

/** x plus rows that are added to zeros: the rows are added to x. */
const scatterInto: Rule = ({ inputs, outputs }, { onlyFor, producer, value, replace, g }) => {
  for (const [name, x] of eitherOrder(inputs)) {
    const scatter = onlyFor(name, 'ScatterND')
    const zeros = scatter && producer(scatter.inputs[0] as string)
    const isZero = zeros?.opType === 'Expand' && constantNumber(g.graph, zeros.inputs[0] as string) === 0
    const isWhole = sameShape(value(x).shape, value(outputs[0] as string).shape)
    if (scatter && isZero && isWhole && attributesOf(scatter).reduction === 'add')
      return replace('ScatterND', [x, ...scatter.inputs.slice(1)].map(value), scatter.attributes)
  }
  return undefined
}

/** x times 1. */
const identity: Rule = ({ inputs, outputs }, { g, value, replace }) => {
  for (const [x, factor] of eitherOrder(inputs))
    if (constantNumber(g.graph, factor) === 1 && sameShape(value(x).shape, value(outputs[0] as string).shape))
      return replace('Identity', [value(x)])
  return undefined
}

/** Classes up to which a sum over them is left to the sum over all rows, which few threads compute. */
const maxClasses = 64

/** The sum of the sums over the last axis. */
const sumOfSums: Rule = (node, around) => {
  const { onlyFor, value, replace } = around
  const inner = onlyFor(node.inputs[0] as string, 'ReduceSum')
  const isAll = !node.inputs[1] && node.attributes.keepdims === 0
  if (!inner || !isAll || !isAlongLast(inner, around)) return undefined
  const x = value(inner.inputs[0] as string)
  const width = x.shape.at(-1)
  if (typeof width !== 'number' || width > maxClasses) return undefined
  return replace('ReduceSum', [x], node.attributes)
}

/** Operators that repeat their inputs along axes of size 1. */
const broadcasting = new Set(['Add', 'Sub', 'Mul', 'Div', 'Where'])

/** Reads a value before an Expand that the operator does by itself. */
const withoutExpands: Rule = (node, around) => {
  const { value, replace } = around
  const output = value(node.outputs[0] as string)
  const inputs = [...node.inputs]
  for (const [i, name] of inputs.entries()) {
    const source = expandedFrom(name, around)
    if (source === undefined) continue
    const shapes = inputs.map((input, k) => value(k === i ? source : input).shape)
    if (sameShape(broadcastShapes(shapes, node.name), output.shape)) inputs[i] = source
  }
  return inputs.some((name, i) => name !== node.inputs[i])
    ? replace(node.opType, inputs.map(value), node.attributes)
    : undefined
}

/** The value before an Expand; before further changes of its shape too, if it has one element. */
function expandedFrom(name: string, around: Surroundings): string | undefined {
  const node = around.producer(name)
  const source = node?.inputs[0] as string
  if (node?.opType === 'Expand') return elementOf(source, around) ?? source
  return elementOf(name, around)
}

/** The value of one element that a value repeats. */
function elementOf(name: string, { producer, value }: Surroundings): string | undefined {
  let [source, isExpanded] = [name, false]
  for (let node = producer(name); node && repeating.has(node.opType); node = producer(source)) {
    isExpanded ||= node.opType === 'Expand'
    source = node.inputs[0] as string
  }
  return isExpanded && value(source).shape.every((dim) => dim === 1) ? source : undefined
}

/** Operators that change the shape of a value of one element, and not its number. */
const repeating = new Set(['Expand', 'Reshape', 'Unsqueeze', 'Squeeze'])

/** One Expand of a number for all values of one shape. */
function sharedExpand(): Rule {
  const first = new Map<string, string>()
  return ({ inputs, outputs, opType }, { g, value, replace }) => {
    const output = value(outputs[0] as string)
    const number = opType === 'Expand' ? constantNumber(g.graph, inputs[0] as string) : undefined
    if (number === undefined) return undefined
    const key = `${number} ${output.shape}`
    const shared = first.get(key)
    if (shared !== undefined) return replace('Identity', [value(shared)])
    first.set(key, output.name)
    return undefined
  }
}

/** The rules by operator; several are tried in their order. */
const rules: Readonly<Record<string, readonly Rule[]>> = {
  Log: [logSumExp],
  Sqrt: [norm],
  Add: [scatterInto, withoutExpands],
  Mul: [identity, withoutExpands],
  ReduceSum: [sumOfSums],
}

const rulesOf = ({ opType }: Node): readonly Rule[] =>
  Object.hasOwn(rules, opType) ? (rules[opType] as readonly Rule[]) : broadcasting.has(opType) ? [withoutExpands] : []

/** Applies each rule where it fits. */
export function smallRewrites(graph: Graph): Graph {
  const shared = sharedExpand()
  return replaceNodes(graph, (node, around) => {
    for (const rule of [...rulesOf(node), shared]) if (rule(node, around)) return true
    return undefined
  })
}
