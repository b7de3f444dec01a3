// Which keys the queries of attention see.

import type { Dim } from '../../ir/dim.ts'
import type { Value } from '../../ir/graph.ts'
import type { Builder } from '../../ops/build.ts'
import { cast } from '../../ops/composite.ts'
import { type FusedContext, unsupported } from './decomposition.ts'

/** The lowest finite float32, instead of -Infinity, so that scores of a query that sees no key are not NaN. */
export const lowest = -3.4028234663852886e38

/** 0, 1, 2, ... along an axis of `like`, float32 [size]. WebGPU has no integer kernels for it. */
export function indices(g: Builder, like: Value, axis: number): Value {
  const ones = g.Expand(g.scalar(1), g.Shape(like, { start: axis, end: axis + 1 }))
  return g.CumSum(ones, g.scalar(0, 'int64'), { exclusive: 1 })
}

/** The number of elements along an axis of `like`, float32 [1]. */
export const sizeOf = (g: Builder, like: Value, axis: number): Value =>
  g.ReduceSum(g.Expand(g.scalar(1), g.Shape(like, { start: axis, end: axis + 1 })), g.int64([0]))

/** What is added to scores: 0 where every condition holds, `hidden` elsewhere; nothing without conditions. */
export function maskBias(g: Builder, visible: readonly Value[], hidden = lowest): Value[] {
  if (visible.length === 0) return []
  return [
    g.Where(
      visible.reduce((a, b) => g.And(a, b)),
      g.scalar(0),
      g.scalar(hidden),
    ),
  ]
}

/**
 * Which keys a query sees, of float32 positions that broadcast: those up to itself, and of them the last `window`.
 */
export function causal(g: Builder, query: Value, key: Value, window = -1): Value {
  const seen = g.GreaterOrEqual(query, key)
  return window < 0 ? seen : g.And(seen, g.Less(g.Sub(query, key), g.scalar(window)))
}

/** Query i of `q` sees the keys of `k` up to the number `before` + i; `before` broadcasts to [batch, 1, 1, 1]. */
export function upTo(g: Builder, q: Value, k: Value, before: Value | undefined): Value {
  const rows = g.Unsqueeze(indices(g, q, 2), g.int64([1]))
  return causal(g, before ? g.Add(rows, before) : rows, indices(g, k, 2))
}

/** Numbers of each text, [batch], as float32 [batch, 1, 1, 1]. */
export const ofTexts = (g: Builder, numbers: Value): Value =>
  g.Reshape(cast(g, numbers, 'float32'), g.int64([-1, 1, 1, 1]))

/** The keys of `k` before each text's length, [batch]. */
export const within = (g: Builder, k: Value, lengths: Value): Value => g.Less(indices(g, k, 2), ofTexts(g, lengths))

/**
 * What input `i` says of scores, as a value that broadcasts to them.
 * @throws {UnsupportedOperatorError} for a value of other sizes.
 */
export function ofScores(c: FusedContext, i: number, value: Value, { q, k }: { q: Value; k: Value }): Value {
  const scores = [...q.shape.slice(0, 3), k.shape[2] as Dim]
  const first = scores.length - value.shape.length
  const differ = (a: Dim, b: Dim | undefined): boolean => typeof a === 'number' && typeof b === 'number' && a !== b
  if (first < 0 || value.shape.some((size, axis) => size !== 1 && differ(size, scores[first + axis])))
    throw unsupported(c, `input ${i} ("${c.node.inputs[i]}") has other sizes than the scores`, {
      expected: `[batch, heads, queries, keys] or what broadcasts to it: [${scores}]`,
      found: `[${value.shape}]`,
      fix: 'A mask has a number for each key, those of the past included.',
    })
  return value
}
