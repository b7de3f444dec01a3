// Keeps the runtime's attention with its cache, for generation, in the form with three inputs: queries, keys, values.
// The normalization of each head comes before it: on the CPU the operator has none.

import { getValue, type Node, type Value } from '../ir/graph.ts'
import { addNamed } from '../ops/add-node.ts'
import { keyNorm, pastKey, pastValue, queryNorm } from '../ops/attention.ts'
import type { Builder } from '../ops/build.ts'

/**
 * Adds a GroupQueryAttention as it is, but with a Split where keys and values are packed behind the queries: each then
 * is a value of its own, as the projections of transformers are. Normalizations of queries and keys become nodes of
 * their own. The type of its cache becomes that of its heads.
 * @returns Whether the node is such an operator.
 */
export function keepAttention(g: Builder, node: Node): boolean {
  if (node.domain !== 'com.microsoft' || node.opType !== 'GroupQueryAttention') return false
  const { graph } = g
  const inputs = node.inputs[1] ? node.inputs : [...separated(g, node), ...node.inputs.slice(3)]
  const types = addNamed(graph, withoutNorms(g, { ...node, inputs }))
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

/** The attention of normalized queries and keys, which nodes before it compute; itself where it normalizes none. */
function withoutNorms(g: Builder, node: Node): Node {
  const { inputs, attributes } = node
  if (!inputs[queryNorm] || !inputs[keyNorm]) return node
  const { q_norm_epsilon, k_norm_epsilon, qk_norm_epsilon = 1e-6, ...others } = attributes
  const normalized = [queryNorm, keyNorm].map((norm, i) => {
    const [x, weight] = [inputs[i], inputs[norm]].map((name) => getValue(g.graph, name as string)) as [Value, Value]
    const heads = g.Reshape(x, g.int64([0, 0, -1, weight.shape[0] as number]))
    const epsilon = Number([q_norm_epsilon, k_norm_epsilon][i] ?? qk_norm_epsilon)
    return g.Reshape(g.RMSNormalization(heads, weight, { axis: -1, epsilon }), g.int64([0, 0, x.shape[2] as number]))
      .name
  })
  return { ...node, inputs: [...normalized, ...inputs.slice(2, queryNorm)], attributes: others }
}
