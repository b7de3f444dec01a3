// The graph builder: `g.MatMul(x, w)` adds a node, infers its type and returns its output.

import { requireKind } from '../door.ts'
import { addInitializer, type Attribute, type Attributes, type Graph, uniqueName, type Value } from '../ir/graph.ts'
import type { DataType } from '../tensor/dtype.ts'
import { type Tensor, tensorOf } from '../tensor/tensor.ts'
import { addNode, type NodeOptions } from './add-node.ts'
import { type OperatorName, operators } from './index.ts'

/** Inputs in ONNX's order (null: omitted), then the attributes, if any. */
export type OperatorArguments = readonly (Value | null | Readonly<Record<string, Attribute>>)[]

type OperatorMethods = { readonly [Name in OperatorName]: (...args: OperatorArguments) => Value }

/** One method per operator, with ONNX's name, which returns the first output; and helpers for constants. */
export interface Builder extends OperatorMethods {
  readonly graph: Graph
  /** Adds a node and returns all its outputs. */
  readonly node: (opType: OperatorName, inputs: readonly (Value | null)[], options?: NodeOptions) => Value[]
  /** A scalar constant. @default dtype 'float32' */
  readonly scalar: (value: number, dtype?: DataType) => Value
  /** A one-dimensional int64 constant: axes, shapes. */
  readonly int64: (values: readonly number[]) => Value
  /** A constant tensor; a number is appended to a name that is taken. */
  readonly constant: (name: string, data: Tensor) => Value
}

/** A builder that adds to `graph`. */
export function build(graph: Graph): Builder {
  requireKind('build, graph', graph, 'graph')
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
