// Replaces operators that some device has no kernel for by operators that CPU, CUDA and native WebGPU all have.

import { requireKind } from '../door.ts'
import { cloneGraph, type Graph, type Node, type Value, getValue } from '../ir/graph.ts'
import { attributesOf } from '../ops/add-node.ts'
import { build, type Builder } from '../ops/build.ts'
import { cast, inverseRms, scalarLike } from '../ops/composite.ts'
import type { OperatorName } from '../ops/index.ts'
import { replaceProducer } from './rewrite-outputs.ts'

type Lowering = (g: Builder, inputs: readonly Value[], attributes: Node['attributes']) => Value

/** x - max - log(sum(exp(x - max))): stable for logits of any magnitude. */
const logSoftmax: Lowering = (g, [x], { axis }) => {
  const axes = g.int64([axis as number])
  const shifted = g.Sub(x as Value, g.ReduceMax(x as Value, axes))
  return g.Sub(shifted, g.Log(g.ReduceSum(g.Exp(shifted), axes)))
}

/**
 * pi as the sum of three parts; the first two have few bits, so that their small multiples are exact (Cody & Waite
 * 1980; four times the parts of Cephes' sinf).
 */
const pi = [3.140625, 9.675025939941406e-4, Math.PI - 3.140625 - 9.675025939941406e-4]
/** Taylor coefficients of sin, highest first; in [-pi/2, pi/2] the remainder is below 6e-8. */
const sine = [-1 / 39916800, 1 / 362880, -1 / 5040, 1 / 120, -1 / 6]

/**
 * sin(x) or cos(x) = +-sin(x - n pi), n the integer (for cos the half-integer) nearest to x / pi. Vulkan guarantees its
 * functions within 2^-11 only, and only for angles up to pi, which rotary positions exceed.
 */
const sinusoid =
  (half: number): Lowering =>
  (g, [x]) => {
    const angle = x as Value
    const number = (value: number) => scalarLike(g, angle, value)
    const whole = g.Floor(g.Add(g.Mul(angle, number(1 / Math.PI)), number(0.5 - half)))
    const turns = half === 0 ? whole : g.Add(whole, number(half))
    const r = pi.reduce((rest, part) => g.Sub(rest, g.Mul(turns, number(part))), angle)
    const square = g.Mul(r, r)
    const series = sine.slice(1).reduce((sum, c) => g.Add(g.Mul(sum, square), number(c)), number(sine[0] as number))
    const value = g.Add(r, g.Mul(r, g.Mul(square, series)))
    const odd = g.Sub(whole, g.Mul(g.Floor(g.Mul(whole, number(0.5))), number(2)))
    const sign = g.Sub(number(1), g.Mul(odd, number(2)))
    return g.Mul(half === 0 ? sign : g.Neg(sign), value)
  }

/** The scalar 0, once a value is known: no number is less than itself, and infinity times 0 would not be 0. */
function zeroAfter(g: Builder, value: Value): Value {
  const sum = g.ReduceSum(value, { keepdims: 0 })
  return cast(g, g.Less(sum, sum), value.dtype)
}

/** The replacement of each operator; results are equal up to rounding. */
const lowerings: Partial<Record<OperatorName, Lowering>> = {
  LogSoftmax: logSoftmax,
  RMSNormalization: (g, [x, scale], attributes) =>
    g.Mul(
      g.Mul(x as Value, inverseRms(g, x as Value, attributes as { axis: number; epsilon: number })),
      scale as Value,
    ),
  Sin: sinusoid(0),
  Cos: sinusoid(0.5),
  Swish: (g, [x]) => g.Mul(x as Value, g.Sigmoid(x as Value)),
  Sum: (g, inputs) => inputs.reduce((a, b) => g.Add(a, b)),
  Dropout: (g, [x]) => g.Identity(x as Value),
  StopGradient: (g, [x]) => g.Identity(x as Value),
  RunAfter: (g, [x, before]) => (before ? g.Add(x as Value, zeroAfter(g, before)) : g.Identity(x as Value)),
  Sign: (g, [x]) => {
    const zero = scalarLike(g, x as Value, 0)
    const is = (condition: Value) => cast(g, condition, (x as Value).dtype)
    return g.Sub(is(g.Greater(x as Value, zero)), is(g.Less(x as Value, zero)))
  },
  Or: (g, [a, b]) => g.Not(g.And(g.Not(a as Value), g.Not(b as Value))),
}

/**
 * A copy of the graph in which operators that runtimes lack (`rewrite/lower.ts` lists them) are replaced. Values keep
 * their names.
 */
export function lower(graph: Graph): Graph {
  requireKind('lower, graph', graph, 'graph')
  if (!graph.nodes.some((node) => Object.hasOwn(lowerings, node.opType))) return graph
  const lowered: Graph = { ...cloneGraph(graph), nodes: [] }
  const g = build(lowered)
  for (const node of graph.nodes) {
    const lowering = lowerings[node.opType as OperatorName]
    if (!lowering || node.domain !== '') {
      lowered.nodes.push(node)
      continue
    }
    const result = lowering(
      g,
      node.inputs.map((name) => getValue(lowered, name)),
      attributesOf(node),
    )
    // Added last, because the lowering's values must not take the output's name.
    replaceProducer(lowered, node.outputs[0] as string, 'Identity', [result])
  }
  return lowered
}
