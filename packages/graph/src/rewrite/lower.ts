// Lowering: operators that some device has no kernel for become operators that CPU, CUDA and native WebGPU all have.

import { cloneGraph, type Graph, type Node, type Value, getValue } from '../ir/graph.ts'
import { addNode, attributesOf, build, type Builder } from '../ops/builder.ts'
import { inverseRms, scalarLike } from '../ops/composite.ts'
import type { OperatorName } from '../ops/index.ts'

type Lowering = (g: Builder, inputs: readonly Value[], attributes: Node['attributes']) => Value

/** x - max - log(sum(exp(x - max))): stable for logits of any size. */
const logSoftmax: Lowering = (g, [x], { axis }) => {
  const axes = g.int64([axis as number])
  const shifted = g.Sub(x as Value, g.ReduceMax(x as Value, axes))
  return g.Sub(shifted, g.Log(g.ReduceSum(g.Exp(shifted), axes)))
}

/** What to emit in place of an operator. Numbers are unchanged but for rounding. */
export const lowerings: Partial<Record<OperatorName, Lowering>> = {
  LogSoftmax: logSoftmax,
  RMSNormalization: (g, [x, scale], attributes) =>
    g.Mul(g.Mul(x as Value, inverseRms(g, x as Value, attributes as { axis: number; epsilon: number })), scale as Value),
  Swish: (g, [x]) => g.Mul(x as Value, g.Sigmoid(x as Value)),
  Sum: (g, inputs) => inputs.reduce((a, b) => g.Add(a, b)),
  Dropout: (g, [x]) => g.Identity(x as Value),
  StopGradient: (g, [x]) => g.Identity(x as Value),
  Sign: (g, [x]) => {
    const zero = scalarLike(g, x as Value, 0)
    const is = (condition: Value) => g.Cast(condition, { to: 1 })
    return g.Sub(is(g.Greater(x as Value, zero)), is(g.Less(x as Value, zero)))
  },
  Or: (g, [a, b]) => g.Not(g.And(g.Not(a as Value), g.Not(b as Value))),
}

/** A copy of the graph in which every operator of the table above is replaced. Value names stay. */
export function lower(graph: Graph): Graph {
  if (!graph.nodes.some((node) => Object.hasOwn(lowerings, node.opType))) return graph
  const lowered: Graph = { ...cloneGraph(graph), nodes: [] }
  const g = build(lowered)
  for (const node of graph.nodes) {
    const lowering = lowerings[node.opType as OperatorName]
    if (!lowering || node.domain !== '') {
      lowered.nodes.push(node)
      continue
    }
    const output = node.outputs[0] as string
    const type = getValue(lowered, output)
    const result = lowering(
      g,
      node.inputs.map((name) => getValue(lowered, name)),
      attributesOf(node),
    )
    // Not before: what the lowering adds must not take its name.
    lowered.values.delete(output)
    addNode(lowered, 'Identity', [result], { outputs: [output] })
    lowered.values.set(output, type)
  }
  return lowered
}
