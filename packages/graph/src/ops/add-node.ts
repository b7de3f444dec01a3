// Adds nodes to a graph: checks attributes and inputs against the operator's row and infers the types of outputs.

import { checkOptions, type Checks, listOf, object, show, string, text, whole } from '../options.ts'
import { GraphError, ShapeError } from '../errors.ts'
import { addValue, type Attributes, type Graph, type Node, uniqueName, type Value } from '../ir/graph.ts'
import { isOperator, operatorOf, operators } from './index.ts'
import {
  type AttributeRow,
  isOfType,
  type Operator,
  type OutputType,
  withDefaults,
  wrongInputCount,
} from './operator.ts'

/** Attributes, names and number of outputs of a node that a builder adds. */
export interface NodeOptions {
  attributes?: Attributes
  /** Name of the node, and of its first output. @default a unique name made of the operator's */
  name?: string
  /** Names of the outputs; replaces `outputCount`. @default unique names made of the node's */
  outputs?: readonly string[]
  /** How many outputs to declare. @default 1 */
  outputCount?: number
  /** Module that the node belongs to. */
  scope?: string | undefined
}

/** Checks of {@link NodeOptions}. */
export const nodeChecks: Checks<NodeOptions> = {
  attributes: object,
  name: text,
  outputs: listOf(string),
  outputCount: whole(0),
  scope: string,
}

/**
 * Adds a node and infers the types of its outputs.
 * @param inputs In ONNX's order; null for an omitted optional input.
 * @returns The outputs, as many as `outputCount` or `outputs` ask for.
 * @throws {UnsupportedOperatorError | ShapeError | GraphError} naming the node.
 * @throws {ConfigError} for an option that is unknown or out of its range.
 */
export function addNode(
  graph: Graph,
  opType: string,
  inputs: readonly (Value | null)[],
  options: NodeOptions = {},
): Value[] {
  checkOptions(opType, options, nodeChecks)
  const name = options.name ?? options.outputs?.[0] ?? uniqueName(graph, opType)
  const node: Node = {
    name,
    opType,
    domain: domainOf(opType),
    inputs: inputs.map((value) => value?.name ?? ''),
    outputs: [],
    attributes: options.attributes ?? {},
  }
  const count = options.outputs?.length ?? options.outputCount ?? 1
  const types = inferTypes(graph, node, count)
  const outputs = Array.from({ length: count }, (_, i) => {
    const output = options.outputs?.[i] ?? uniqueName(graph, i === 0 ? name : `${name}.${i}`)
    return addValue(graph, { name: output, ...(types[i] as OutputType) })
  })
  graph.nodes.push({
    ...node,
    outputs: outputs.map((value) => value.name),
    ...(options.scope === undefined ? {} : { scope: options.scope }),
  })
  return outputs
}

/**
 * Adds a node whose outputs have their names, such as one of a file, and infers their types.
 * @returns The types of its outputs.
 * @throws {UnsupportedOperatorError | ShapeError | GraphError} naming the node.
 */
export function addNamed(graph: Graph, node: Node): OutputType[] {
  const types = inferTypes(graph, node, node.outputs.length)
  graph.nodes.push(node)
  node.outputs.forEach((name, i) => {
    if (name !== '') addValue(graph, { name, ...(types[i] as OutputType) })
  })
  return types
}

const domainOf = (opType: string): string => (isOperator(opType) ? (operators[opType].domain ?? '') : '')

/** @throws {GraphError} for an attribute that the row does not have, or a value of another type. */
function checkAttributes({ attributes }: Node, row: Operator, where: string): void {
  for (const [name, value] of Object.entries(attributes)) {
    const [type] = Object.hasOwn(row.attributes, name) ? (row.attributes[name] as AttributeRow) : []
    if (!type)
      throw new GraphError({
        where,
        what: `unknown attribute "${name}"`,
        expected: Object.keys(row.attributes).join(', ') || 'none',
      })
    if (!isOfType(value, type))
      throw new GraphError({
        where,
        what: `attribute "${name}" is of another type`,
        expected: type,
        found: show(value),
      })
  }
}

/** @throws {ShapeError} naming the first two inputs that differ. */
function checkSame(x: readonly (Value | undefined)[], { same = [] }: Operator, where: string): void {
  const [first, ...others] = x
    .filter((_, i) => same === 'all' || same.includes(i))
    .filter((value) => value !== undefined)
  const other = others.find(({ dtype }) => dtype !== first?.dtype)
  if (other)
    throw new ShapeError({
      where,
      what: `element types of "${first?.name}" and "${other.name}" differ`,
      expected: String(first?.dtype),
      found: other.dtype,
      fix: 'Insert a Cast, or read the model with widen: true.',
    })
}

/** Whether a size is known, or an expression. */
const isDim = (dim: unknown): boolean => typeof dim === 'string' || (Number.isSafeInteger(dim) && (dim as number) >= 0)

let unknownDims = 0

/**
 * Infers the types of a node's first `outputCount` outputs, or of all, from the types of its inputs.
 * @throws {UnsupportedOperatorError | ShapeError | GraphError} naming the node.
 */
export function inferTypes(graph: Graph, node: Node, outputCount: number): OutputType[] {
  const where = `${node.opType} "${node.name}"`
  const row = operatorOf(node.opType, node.domain, node.name)
  const [minimum, maximum] = row.inputs
  if (node.inputs.length < minimum || node.inputs.length > maximum) throw wrongInputCount(where, row.inputs, node)
  checkAttributes(node, row, where)
  const x = node.inputs.map((name) => {
    if (name === '') return undefined
    const value = graph.values.get(name)
    if (!value) throw new GraphError({ where, what: `input "${name}" does not exist` })
    return value
  })
  checkSame(x, row, where)
  const types = row.infer({
    opType: node.opType,
    attributes: attributesOf(node),
    x,
    outputCount,
    tensorOf: (value) => value && graph.initializers.get(value.name),
    unknownDim: () => `unknown_${++unknownDims}`,
    where,
  })
  for (const { shape } of types)
    if (!shape.every(isDim))
      throw new ShapeError({
        where,
        what: 'its inputs and attributes give no shape',
        expected: 'sizes of at least 0',
        found: `[${shape.map(String).join(', ')}]`,
      })
  if (outputCount > types.length)
    throw new ShapeError({
      where,
      what: 'too many outputs',
      expected: `at most ${types.length}`,
      found: String(outputCount),
    })
  return types
}

/** A node's attributes with the defaults of the operator table. */
export const attributesOf = ({ opType, domain, name, attributes }: Node): Attributes =>
  withDefaults(operatorOf(opType, domain, name).attributes, attributes)
