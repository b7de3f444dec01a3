// What exporters spell out: shapes computed node by node though inference knows them, and GELU in five operators.

import { cloneGraph, type Graph, getValue, type Node, type Value } from '../ir/graph.ts'
import { makersOf } from '../ir/uses.ts'
import { addNode, build, type Builder } from '../ops/builder.ts'
import { elementCount, toFloat32 } from '../tensor/tensor.ts'
import { prune } from './prune.ts'

/** A copy of the graph with fewer nodes and the same numbers. */
export function simplify(graph: Graph): Graph {
  const simple: Graph = { ...cloneGraph(graph), nodes: [] }
  const g = build(simple)
  const makers = makersOf(graph)
  for (const node of graph.nodes) {
    const gelu = node.opType === 'Mul' ? geluInput(graph, makers, node) : undefined
    if (gelu === undefined) simple.nodes.push(node.opType === 'Reshape' ? knownReshape(g, node) : node)
    else replace(simple, node, 'Gelu', [getValue(simple, gelu)])
  }
  prune(simple)
  return simple
}

function replace(graph: Graph, node: Node, opType: string, inputs: readonly Value[]): void {
  const output = node.outputs[0] as string
  const type = getValue(graph, output)
  graph.values.delete(output)
  addNode(graph, opType, inputs, { name: node.name, outputs: [output] })
  graph.values.set(output, type)
}

/** A Reshape to a constant: 0 where a size is that of the same axis, -1 for one other that is not a number. */
function knownReshape(g: Builder, node: Node): Node {
  const [x, shape] = node.inputs.map((name) => getValue(g.graph, name)) as [Value, Value]
  if (!shape.content || g.graph.initializers.has(shape.name) || node.attributes.allowzero) return node
  const sizes = shape.content.map((size, axis) => (typeof size === 'string' && size === x.shape[axis] ? 0 : size))
  const unknown = sizes.filter((size) => typeof size === 'string').length
  if (unknown > 1 || (unknown === 1 && sizes.includes(-1))) return node
  return { ...node, inputs: [x.name, g.int64(sizes.map((size) => (typeof size === 'string' ? -1 : size))).name] }
}

/** x, where a Mul ends 0.5 x (1 + erf(x / sqrt 2)), in whichever order its factors were multiplied. */
function geluInput(graph: Graph, makers: ReadonlyMap<string, Node>, node: Node): string | undefined {
  const factors = product(graph, makers, node)
  const halves = factors.filter((name) => isNumber(graph, name, 0.5))
  const sums = factors.flatMap((name) => erfArgument(graph, makers, name) ?? [])
  if (factors.length !== 3 || halves.length !== 1 || sums.length !== 1) return undefined
  return factors.includes(sums[0] as string) ? sums[0] : undefined
}

/** The factors of a Mul of a Mul. */
function product(graph: Graph, makers: ReadonlyMap<string, Node>, node: Node): string[] {
  const inner = node.inputs.findIndex((name) => makers.get(name)?.opType === 'Mul')
  if (inner < 0) return [...node.inputs]
  const factors = makers.get(node.inputs[inner] as string)?.inputs ?? []
  // Of two products, the one that has the half or the sum is GELU's.
  const other = makers.get(node.inputs[1 - inner] as string)
  const own = (list: readonly string[]) => list.some((name) => isNumber(graph, name, 0.5) || erfArgument(graph, makers, name) !== undefined)
  if (other?.opType === 'Mul' && !own(factors) && own(other.inputs)) return [node.inputs[inner] as string, ...other.inputs]
  return [...factors, node.inputs[1 - inner] as string]
}

/** x of 1 + erf(x / sqrt 2). */
function erfArgument(graph: Graph, makers: ReadonlyMap<string, Node>, name: string): string | undefined {
  const add = makers.get(name)
  if (add?.opType !== 'Add' || !add.inputs.some((input) => isNumber(graph, input, 1))) return undefined
  const erf = makers.get(add.inputs.find((input) => !isNumber(graph, input, 1)) ?? '')
  const scaled = erf?.opType === 'Erf' ? makers.get(erf.inputs[0] as string) : undefined
  const [x, by] = scaled?.inputs ?? []
  if (scaled?.opType === 'Div' && isNumber(graph, by, Math.SQRT2)) return x
  if (scaled?.opType !== 'Mul') return undefined
  return isNumber(graph, by, Math.SQRT1_2) ? x : isNumber(graph, x, Math.SQRT1_2) ? by : undefined
}

function isNumber(graph: Graph, name: string | undefined, number: number): boolean {
  const data = name === undefined ? undefined : graph.initializers.get(name)
  return data !== undefined && elementCount(data.dims) === 1 && data.dtype.startsWith('float') && Math.abs((toFloat32(data)[0] as number) - number) < 1e-6
}
