// Divides a graph of elementwise operators into loops over its arrays: each reads and writes an array once, however
// many operators it has.

import { elementCount, getValue, type Graph, type Node, toFloat32 } from '@cola/graph'
import { type ElementwiseOperator, elementwiseOperators } from './operators.ts'

/** An operand of an instruction: the element of an array, a number, or the result of an earlier instruction. */
export interface Operand {
  readonly kind: 'array' | 'number' | 'result'
  /** Its place in the loop's list of them. */
  readonly index: number
}

interface Instruction {
  readonly operator: ElementwiseOperator
  readonly operands: readonly Operand[]
}

/** A loop over arrays of one size. An element's results are written after all that it depends on was read. */
export interface Loop {
  readonly size: number
  /** Names of the arrays that it reads or writes. */
  readonly arrays: readonly string[]
  readonly numbers: readonly string[]
  readonly instructions: readonly Instruction[]
  /** What replaces the elements of arrays. */
  readonly stores: readonly { readonly array: number; readonly value: Operand }[]
  /** What is squared and summed, and the name of the sum. */
  readonly sum?: { readonly name: string; readonly value: Operand }
}

/** An operator on numbers. */
export interface NumberStep {
  readonly name: string
  readonly operator: ElementwiseOperator
  readonly operands: readonly string[]
}

/** What computes a graph: steps in their order, and its constants. */
export interface Loops {
  readonly steps: readonly (NumberStep | Loop)[]
  readonly arrays: ReadonlyMap<string, Float32Array>
  readonly numbers: ReadonlyMap<string, number>
}

/**
 * The loops of a graph that has elementwise operators on numbers (values of rank 0) and on arrays of equal shapes, and
 * sums of squares of arrays; undefined for any other graph.
 * @param replaced The input whose elements each output replaces.
 */
export function loopsOf(graph: Graph, replaced: ReadonlyMap<string, string>): Loops | undefined {
  const nodes = new Map<string, Node>()
  const steps: (NumberStep | Loop)[] = []
  for (const node of graph.nodes) {
    const [output = ''] = node.outputs
    const [input = ''] = node.inputs
    if (isSumOfSquares(graph, node)) steps.push(loopOf(graph, nodes, { stores: [], sum: { name: output, of: input } }))
    else if (!isElementwise(graph, node)) return undefined
    else if (isNumber(graph, output)) steps.push({ name: output, operator: operatorOf(node), operands: node.inputs })
    else nodes.set(output, node)
  }
  const stores = graph.outputs.map((value): Store => ({ value, array: replaced.get(value) ?? '' }))
  if (!stores.every(({ value, array }) => isArray(graph, value) && shapeOf(graph, array) === shapeOf(graph, value)))
    return undefined
  const groups = groupsOf(stores, (store) => loopOf(graph, nodes, { stores: [store] }).arrays)
  const constants = [...graph.initializers].map(([name, tensor]) => [name, toFloat32(tensor)] as const)
  return {
    steps: [...steps, ...groups.map((group) => loopOf(graph, nodes, { stores: group }))],
    arrays: new Map(constants.filter(([name]) => isArray(graph, name))),
    numbers: new Map(
      constants.flatMap(([name, [value = 0]]) => (isNumber(graph, name) ? [[name, value] as const] : [])),
    ),
  }
}

const shapeOf = (graph: Graph, name: string): string => graph.values.get(name)?.shape.join() ?? 'none'
const isFloat = (graph: Graph, name: string): boolean => graph.values.get(name)?.dtype === 'float32'
const isNumber = (graph: Graph, name: string): boolean => isFloat(graph, name) && shapeOf(graph, name) === ''
const isArray = (graph: Graph, name: string): boolean =>
  isFloat(graph, name) && /^\d+(,\d+)*$/.test(shapeOf(graph, name))

const operatorOf = ({ opType }: Node): ElementwiseOperator => elementwiseOperators.get(opType) as ElementwiseOperator

const isSumOfSquares = (graph: Graph, { opType, inputs, outputs: [output = ''] }: Node): boolean =>
  opType === 'ReduceSumSquare' && inputs.length === 1 && isArray(graph, inputs[0] ?? '') && isNumber(graph, output)

function isElementwise(graph: Graph, { opType, domain, inputs, outputs }: Node): boolean {
  const [output = '', ...others] = outputs
  const fits = (name: string) =>
    isNumber(graph, name) || (isArray(graph, name) && shapeOf(graph, name) === shapeOf(graph, output))
  return (
    domain === '' &&
    elementwiseOperators.get(opType)?.compute.length === inputs.length &&
    others.length === 0 &&
    [output, ...inputs].every(fits)
  )
}

/** An output, and the array that it is written into. */
interface Store {
  readonly value: string
  readonly array: string
}

/** The loop that writes these values and sums the squares of that one. */
function loopOf(
  graph: Graph,
  nodes: ReadonlyMap<string, Node>,
  { stores, sum }: { stores: readonly Store[]; sum?: { name: string; of: string } },
): Loop {
  const lists = { array: [] as string[], number: [] as string[], result: [] as string[] }
  const instructions: Instruction[] = []
  const operands = new Map<string, Operand>()
  const add = (kind: Operand['kind'], name: string): Operand => {
    const operand = { kind, index: lists[kind].push(name) - 1 }
    operands.set(name, operand)
    return operand
  }
  const operandOf = (name: string): Operand => {
    const found = operands.get(name)
    if (found) return found
    const node = nodes.get(name)
    if (!node) return add(isNumber(graph, name) ? 'number' : 'array', name)
    instructions.push({ operator: operatorOf(node), operands: node.inputs.map(operandOf) })
    return add('result', name)
  }
  const arrayOf = (name: string): number => {
    const { kind, index } = operandOf(name)
    return kind === 'array' ? index : add('array', name).index
  }
  const [first = ''] = sum ? [sum.of] : stores.map(({ value }) => value)
  const written = stores.map(({ value, array }) => ({ value: operandOf(value), array: arrayOf(array) }))
  return {
    size: elementCount(getValue(graph, first).shape as readonly number[]),
    ...(sum ? { sum: { name: sum.name, value: operandOf(sum.of) } } : {}),
    arrays: lists.array,
    numbers: lists.number,
    instructions,
    stores: written,
  }
}

/** Puts together what reads or writes an array in common, because one of them would read what another has written. */
function groupsOf(stores: readonly Store[], arraysOf: (store: Store) => readonly string[]): Store[][] {
  const groups = new Map<string, Store[]>()
  for (const store of stores) {
    const arrays = arraysOf(store)
    const joined = new Set(arrays.flatMap((name) => groups.get(name) ?? []))
    const group = [...joined, store]
    for (const name of [...arrays, ...[...joined].flatMap(arraysOf)]) groups.set(name, group)
  }
  return [...new Set(groups.values())]
}
