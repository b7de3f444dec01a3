// Computes the inputs of a pooled head from the attention mask, for other programs.

import { requireKind } from '@cola/graph/door'
import { build, cloneGraph, type Graph, type Model, tensor, type Value } from '@cola/graph'
import { ConfigError } from '../errors.ts'

/**
 * A copy for other programs: `last_token` or `token_weights` is computed from `attention_mask`, padded on either side.
 * @throws {ConfigError} for a graph without `attention_mask`.
 */
export function withMaskedInputs(model: Model): Graph {
  requireKind('withMaskedInputs, model', model, 'model')
  const { graph: original } = model
  const graph = cloneGraph(original)
  const replaced: string[] = graph.inputs.filter((name) => name === 'last_token' || name === 'token_weights')
  if (replaced.length === 0) return graph
  const mask = graph.values.get('attention_mask')
  if (!mask)
    throw new ConfigError({
      where: `graph "${graph.name}"`,
      what: 'no input tells real tokens from padding',
      expected: 'attention_mask',
    })
  const nodes = graph.nodes
  graph.nodes = []
  graph.inputs = graph.inputs.filter((name) => !replaced.includes(name))
  for (const name of replaced) graph.values.delete(name)
  const g = build(graph)
  const real = g.Cast(mask, { to: 1 })
  if (replaced.includes('token_weights')) {
    g.node('Div', [real, g.ReduceSum(real, g.int64([1]))], { outputs: ['token_weights'] })
  } else {
    // Argmax of mask * position is the last real token; row i starts at i * columns in the flattened batch.
    const [rows, columns] = [0, 1].map((axis) =>
      g.Squeeze(g.Shape(mask, { start: axis, end: axis + 1 }), g.int64([0])),
    ) as [Value, Value]
    const int64 = (value: number) => g.constant(`number.${value}`, tensor('int64', [], BigInt64Array.of(BigInt(value))))
    const upTo = (end: Value) => g.Range(int64(0), end, int64(1))
    const column = g.ArgMax(g.Mul(real, g.Cast(upTo(columns), { to: 1 })), { axis: 1, keepdims: 0 })
    g.node('Cast', [g.Add(g.Mul(upTo(rows), columns), column)], { outputs: ['last_token'], attributes: { to: 6 } })
  }
  graph.nodes = [...graph.nodes, ...nodes]
  return graph
}
