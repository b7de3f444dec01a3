// What a pooled head reads, computed from the attention mask that other programs feed.

import { build, cloneGraph, type Graph, type Model, tensor, type Value } from '@cola/graph'
import { ConfigError } from '../errors.ts'

/** A copy for other programs: what the head reads is computed from `attention_mask`, padded on either side. */
export function withMaskedInputs({ graph: original }: Model): Graph {
  const graph = cloneGraph(original)
  const given: string[] = graph.inputs.filter((name) => name === 'last_token' || name === 'token_weights')
  if (given.length === 0) return graph
  const mask = graph.values.get('attention_mask')
  if (!mask)
    throw new ConfigError({
      where: `graph "${graph.name}"`,
      what: 'no input tells real tokens from padding',
      expected: 'attention_mask',
    })
  const nodes = graph.nodes
  graph.nodes = []
  graph.inputs = graph.inputs.filter((name) => !given.includes(name))
  for (const name of given) graph.values.delete(name)
  const g = build(graph)
  const real = g.Cast(mask, { to: 1 })
  if (given.includes('token_weights')) {
    g.node('Div', [real, g.ReduceSum(real, g.int64([1]))], { outputs: ['token_weights'] })
  } else {
    // The place of the greatest of 0, 1, 2, ... over real tokens; each row starts at a multiple of the sequence length.
    const [rows, columns] = [0, 1].map((axis) =>
      g.Squeeze(g.Shape(mask, { start: axis, end: axis + 1 }), g.int64([0])),
    ) as [Value, Value]
    const number = (value: number) =>
      g.constant(`number.${value}`, tensor('int64', [], BigInt64Array.of(BigInt(value))))
    const upTo = (end: Value) => g.Range(number(0), end, number(1))
    const place = g.ArgMax(g.Mul(real, g.Cast(upTo(columns), { to: 1 })), { axis: 1, keepdims: 0 })
    g.node('Cast', [g.Add(g.Mul(upTo(rows), columns), place)], { outputs: ['last_token'], attributes: { to: 6 } })
  }
  graph.nodes = [...graph.nodes, ...nodes]
  return graph
}
