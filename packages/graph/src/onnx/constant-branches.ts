// An If between constants, such as the tables of rotary positions for short and for long texts (longrope of Phi-3 and
// Phi-4), becomes rows of one constant: those of the branch for false, then those of the other.

import { addInitializer, type Graph } from '../ir/graph.ts'
import { stackRows } from '../tensor/rows.ts'
import { type Tensor, tensorOf } from '../tensor/tensor.ts'
import { constantOf } from './constant.ts'
import { decodeSubgraph, type NodeProto } from './proto.ts'

/**
 * Adds what stands for an If, in place.
 * @returns Whether it is between Constants that differ in their number of rows at most; else nothing is added.
 */
export function decodeChoice(graph: Graph, proto: NodeProto, where: string): boolean {
  const branches = ['else_branch', 'then_branch'].map((name) => constantsOf(proto, name, where))
  const pairs = proto.output.map((_, i) => branches.map((outputs) => outputs[i]))
  if (!pairs.every(haveEqualRows)) return false
  for (const [i, pair] of pairs.entries()) addChoice(graph, proto, proto.output[i] as string, pair)
  return true
}

/** The outputs of a branch that its Constants make. */
function constantsOf({ attribute }: NodeProto, name: string, where: string): (Tensor | undefined)[] {
  const { node, output } = decodeSubgraph(attribute.find((one) => one.name === name)?.g ?? new Uint8Array(), where)
  return output.map(({ name }) => {
    const constant = node.find((one) => one.opType === 'Constant' && one.output[0] === name)
    return constant && constantOf(constant, where)
  })
}

const haveEqualRows = (pair: (Tensor | undefined)[]): pair is [Tensor, Tensor] =>
  new Set(pair.map((tensor) => tensor?.dims.length && `${tensor.dtype} ${tensor.dims.slice(1)}`)).size === 1 &&
  Boolean(pair[0]?.dims.length)

/** The rows of one of two constants. */
function addChoice(graph: Graph, { name, input: [condition = ''] }: NodeProto, output: string, pair: [Tensor, Tensor]) {
  const all = stackRows(pair)
  const constant = (data: Tensor): string => addInitializer(graph, `${output}/${graph.values.size}`, data).name
  const [begin, middle, end] = [0, ...[pair[0], all].map(({ dims }) => dims[0] as number)].map((row) =>
    constant(tensorOf('int64', [1], [row])),
  ) as [string, string, string]
  const add = (opType: string, inputs: string[], made = `${name}/${opType}_${graph.nodes.length}`): string => {
    graph.nodes.push({ name: made, opType, domain: '', inputs, outputs: [made], attributes: {} })
    return made
  }
  const [from, to] = [add('Where', [condition, middle, begin]), add('Where', [condition, end, middle])]
  add('Slice', [constant(all), from, to, begin], output)
}
