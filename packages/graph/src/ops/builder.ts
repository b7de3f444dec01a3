// Builds graphs: `g.MatMul(x, w)` adds a node, infers its type and returns the value.

import { GraphError, ShapeError } from '../errors.ts'
import {
  addInitializer,
  addValue,
  type Attribute,
  type Attributes,
  type Graph,
  type Node,
  uniqueName,
  type Value,
} from '../ir/graph.ts'
import type { DataType } from '../tensor/dtype.ts'
import { type Tensor, tensorOf } from '../tensor/tensor.ts'
import { isOperator, operatorOf, type OperatorName, operators } from './index.ts'
import { type AttributeRow, isOfType, type Operator, type OutputType } from './operator.ts'

/** Inputs in ONNX's order (null: omitted), then the attributes, if any. */
export type OperatorArguments = readonly (Value | null | Readonly<Record<string, Attribute>>)[]

type OperatorMethods = { readonly [Name in OperatorName]: (...args: OperatorArguments) => Value }

export interface NodeOptions {
  attributes?: Attributes
  /** Name of the node; its first output gets it too. Made from the operator's name by default. */
  name?: string
  /** Names of the outputs; only as many are declared. */
  outputs?: readonly string[]
  /** How many outputs to declare. @default 1 */
  outputCount?: number
  /** Module that the node stands for. */
  scope?: string | undefined
}

/** One method per operator, named as ONNX names it, each returning the first output; and helpers for constants. */
export interface Builder extends OperatorMethods {
  readonly graph: Graph
  /** Adds a node and returns all its outputs. */
  readonly node: (opType: OperatorName, inputs: readonly (Value | null)[], options?: NodeOptions) => Value[]
  /** A scalar constant of an element type. */
  readonly scalar: (value: number, dtype?: DataType) => Value
  /** A one-dimensional int64 constant: axes, shapes. */
  readonly int64: (values: readonly number[]) => Value
  /** A constant tensor under a name of its own choosing. */
  readonly constant: (name: string, data: Tensor) => Value
}

/** A builder that adds to `graph`. */
export function build(graph: Graph): Builder {
  const node: Builder['node'] = (opType, inputs, options) => addNode(graph, opType, inputs, options)
  const methods = Object.fromEntries(
    (Object.keys(operators) as OperatorName[]).map((name) => [
      name,
      (...args: OperatorArguments) => {
        const last = args.at(-1)
        const hasAttributes = last !== null && last !== undefined && !('shape' in last && 'name' in last)
        const inputs = (hasAttributes ? args.slice(0, -1) : args) as (Value | null)[]
        return node(name, inputs, hasAttributes ? { attributes: last as Attributes } : {})[0] as Value
      },
    ]),
  ) as OperatorMethods
  return {
    ...methods,
    graph,
    node,
    scalar: (value, dtype = 'float32') => smallConstant(graph, dtype, [], [value]),
    int64: (values) => smallConstant(graph, 'int64', [values.length], values),
    constant: (name, data) => addInitializer(graph, uniqueName(graph, name), data),
  }
}

/** Constants are shared: equal type, dims and numbers give the same initializer. */
function smallConstant(graph: Graph, dtype: DataType, dims: readonly number[], values: readonly number[]): Value {
  const name = `constant.${dtype}[${dims}](${values.join(',')})`
  const existing = graph.values.get(name)
  return existing ?? addInitializer(graph, name, tensorOf(dtype, dims, values))
}

/**
 * Adds a node and infers the types of its outputs.
 * @returns The outputs, as many as `outputCount` or `outputs` ask for.
 * @throws {UnsupportedOperatorError | ShapeError | GraphError} naming the node.
 */
export function addNode(
  graph: Graph,
  opType: string,
  inputs: readonly (Value | null)[],
  options: NodeOptions = {},
): Value[] {
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
        found: JSON.stringify(value) ?? String(value),
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

let unknownDims = 0

/** Types of a node's outputs from those of its inputs. */
export function inferTypes(graph: Graph, node: Node, outputCount: number): OutputType[] {
  const where = `${node.opType} "${node.name}"`
  const row = operatorOf(node.opType, node.domain, node.name)
  const [least, most] = row.inputs
  if (node.inputs.length < least || node.inputs.length > most)
    throw new ShapeError({
      where,
      what: 'wrong number of inputs',
      expected: least === most ? String(least) : `${least} to ${most}`,
      found: String(node.inputs.length),
    })
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
  if (outputCount > types.length)
    throw new ShapeError({
      where,
      what: 'too many outputs',
      expected: `at most ${types.length}`,
      found: String(outputCount),
    })
  return types
}

/** A node's attributes with the table's defaults filled in. */
export function attributesOf(node: Node): Attributes {
  const rows = Object.entries(operatorOf(node.opType, node.domain, node.name).attributes)
  const defaults = rows.flatMap(([name, [, value]]) => (value === undefined ? [] : [[name, value] as const]))
  return { ...(Object.fromEntries(defaults) as Attributes), ...node.attributes }
}
