// Keeps the runtime's attention with its cache, for generation, in the form with three inputs: queries, keys, values.

import { getValue, type Node, type Value } from '../ir/graph.ts'
import { addNamed } from '../ops/add-node.ts'
import { pastKey, pastValue } from '../ops/attention.ts'
import type { Builder } from '../ops/build.ts'

/**
 * Adds a GroupQueryAttention as it is, but with a Split where keys and values are packed behind the queries: each then
 * is a value of its own, as the projections of transformers are. The type of its cache becomes that of its heads.
 * @returns Whether the node is such an operator.
 */
export function keepAttention(g: Builder, node: Node): boolean {
  if (node.domain !== 'com.microsoft' || node.opType !== 'GroupQueryAttention') return false
  const { graph } = g
  const inputs = node.inputs[1] ? node.inputs : [...separated(g, node), ...node.inputs.slice(3)]
  const types = addNamed(graph, { ...node, inputs })
  for (const [i, output] of [
    [pastKey, 1],
    [pastValue, 2],
  ] as const) {
    const past = graph.values.get(inputs[i] ?? '')
    const [batch, heads, , size] = types[output]?.shape ?? []
    if (past && batch !== undefined && heads !== undefined && size !== undefined)
      graph.values.set(past.name, { ...past, shape: [past.shape[0] ?? batch, heads, past.shape[2] ?? 0, size] })
  }
  return true
}

/** The names of queries, keys and values that a Split takes out of the packed input. */
function separated(g: Builder, { name, scope, inputs, attributes }: Node): string[] {
  const packed = getValue(g.graph, inputs[0] as string)
  const [heads, groups] = [Number(attributes.num_heads), Number(attributes.kv_num_heads)]
  const size = Number(packed.shape[2]) / (heads + 2 * groups)
  const sizes = g.int64([heads * size, groups * size, groups * size])
  const options = { name: `${name}/Split`, scope, outputCount: 3, attributes: { axis: 2 } }
  return (g.node('Split', [packed, sizes], options) as Value[]).map((value) => value.name)
}
