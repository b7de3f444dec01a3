// Attention over heads, the part that all attention operators share.

import type { Dim } from '../../ir/dim.ts'
import type { Value } from '../../ir/graph.ts'
import type { Builder } from '../../ops/build.ts'
import { cast, scale, scalarLike, transposeMatrix } from '../../ops/composite.ts'
import { type FusedContext, unsupported } from './decomposition.ts'
import { lowest } from './masks.ts'

/** A known size. @throws {UnsupportedOperatorError} for a symbol. */
export function known(c: FusedContext, size: Dim | undefined, what: string): number {
  if (typeof size === 'number') return size
  throw unsupported(c, `${what} is not a known number`, { found: String(size) })
}

/** [batch, sequence, heads * size] as [batch, heads, sequence, size]. */
export function splitHeads(c: FusedContext, x: Value, heads: number): Value {
  const size = known(c, x.shape[2], `the last axis of "${x.name}"`) / heads
  if (!Number.isInteger(size))
    throw unsupported(c, `"${x.name}" does not divide into heads`, {
      expected: `${heads} heads`,
      found: `[${x.shape}]`,
    })
  return c.g.Transpose(c.g.Reshape(x, c.g.int64([0, 0, heads, size])), { perm: [0, 2, 1, 3] })
}

/** [batch, heads, sequence, size] as [batch, sequence, heads * size]. */
export function joinHeads(c: FusedContext, x: Value): Value {
  const width = known(c, x.shape[1], 'the number of heads') * known(c, x.shape[3], 'the size of a head')
  return c.g.Reshape(c.g.Transpose(x, { perm: [0, 2, 1, 3] }), c.g.int64([0, 0, width]))
}

/** Keys, or values, after those of the past. */
export const afterPast = (g: Builder, past: Value | undefined, added: Value): Value =>
  past ? g.Concat(past, added, { axis: 2 }) : added

/** Parts of a value along an axis, of the given sizes. */
export const split = (g: Builder, x: Value, sizes: readonly number[], axis: number): Value[] =>
  g.node('Split', [x, g.int64(sizes)], { outputCount: sizes.length, attributes: { axis } })

export interface Heads {
  /** [batch, heads, queries, size] */
  readonly q: Value
  /** [batch, groups, keys, size]: each head of keys and values serves heads / groups heads of queries. */
  readonly k: Value
  readonly v: Value
  readonly factor: number
  /** Scores s become softcap tanh(s / softcap); 0: none. */
  readonly softcap?: number
  /** Added to the scores in this order. */
  readonly biases?: readonly Value[]
  /** What a query gives that sees no key: zeros, or the mean of all values. @default false */
  readonly zeroUnseeing?: boolean
  /** [heads]: the logit of one more key without a value. */
  readonly sink?: Value | undefined
}

/** The steps of {@link attend} whose results operators can give as an output, [batch, heads, queries, keys]. */
export interface Attended {
  readonly output: Value
  readonly scores: Value
  readonly capped: Value
  readonly biased: Value
  readonly weights: Value
}

/**
 * softmax(cap(factor Q K') + biases) V. With fewer heads of keys (Ainslie et al. 2023) the queries of a group are rows
 * of one product, so that no key is copied.
 */
export function attend(c: FusedContext, heads: Heads): Attended {
  const { g } = c
  if (!heads.zeroUnseeing || !heads.biases?.length) return attendAll(c, heads)
  const bias = g.Max(sumOf(g, heads.biases), g.scalar(lowest))
  const sees = cast(g, g.Greater(g.ReduceMax(bias, g.int64([-1])), g.scalar(lowest)), 'float32')
  const { output, weights, ...scores } = attendAll(c, { ...heads, biases: [bias] })
  return { output: g.Mul(output, sees), weights: g.Mul(weights, sees), ...scores }
}

const sumOf = (g: Builder, [first, ...others]: readonly Value[]): Value =>
  others.reduce((sum, value) => g.Add(sum, value), first as Value)

function attendAll(c: FusedContext, { q, k, v, factor, softcap = 0, biases = [], sink }: Heads): Attended {
  const { g } = c
  const [heads, groups] = [q, k].map(({ shape }) => known(c, shape[1], 'the number of heads')) as [number, number]
  if (heads % groups !== 0)
    throw unsupported(c, 'the heads of queries are no multiple of those of keys', { found: `${heads} and ${groups}` })
  const width = (x: Value, axis: number) => (typeof x.shape[axis] === 'number' ? x.shape[axis] : 0)
  const grouped = (x: Value) => (heads === groups ? x : g.Reshape(x, g.int64([0, groups, -1, width(x, 3)])))
  const ungrouped = (x: Value, size: number) => (heads === groups ? x : g.Reshape(x, g.int64([0, heads, -1, size])))
  const products = g.MatMul(grouped(scale(g, q, factor)), transposeMatrix(g, k))
  const scores = ungrouped(products, 0)
  const capped = softcap === 0 ? scores : scale(g, g.Tanh(scale(g, scores, 1 / softcap)), softcap)
  const biased = sumOf(g, [capped, ...biases])
  const weights = sink ? softmaxWithSink(g, biased, sink) : g.Softmax(biased, { axis: -1 })
  const output = ungrouped(g.MatMul(grouped(weights), v), known(c, v.shape[3], 'the size of a head'))
  return { output, scores, capped, biased, weights }
}

/** exp(s_j) / (exp(sink) + sum_j exp(s_j)) */
function softmaxWithSink(g: Builder, scores: Value, sink: Value): Value {
  const most = g.Max(g.ReduceMax(scores, g.int64([-1])), sink)
  const powers = g.Exp(g.Sub(scores, g.StopGradient(most)))
  const total = g.Add(g.ReduceSum(powers, g.int64([-1])), g.Exp(g.Sub(sink, g.StopGradient(most))))
  return g.Div(powers, total)
}

/** A sink of each head, [heads, 1, 1]; that of smooth softmax is 0. */
export const sinkOf = (g: Builder, q: Value, heads: number, logits: Value | undefined): Value =>
  logits ? g.Reshape(logits, g.int64([heads, 1, 1])) : scalarLike(g, q, 0)
