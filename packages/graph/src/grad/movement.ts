// Gradient rules of operators that reshape, permute, concatenate, split, slice, pad or repeat.

import type { Dim } from '../ir/dim.ts'
import type { Value } from '../ir/graph.ts'
import { cast, scalarLike, zerosLike } from '../ops/composite.ts'
import type { OperatorName } from '../ops/index.ts'
import { input, requireForm } from './context.ts'
import { rowIndices } from './indexing.ts'
import type { GradientRule, RuleContext } from './rule.ts'

/** Splits the gradient along the concatenated axis. */
function concat(c: RuleContext): Value[] {
  const { g, dy, x, attributes } = c
  const rank = dy.shape.length
  const axis = ((attributes.axis as number) + rank) % rank
  const sizes = x.map((value) => (value as Value).shape[axis] as Dim)
  if (sizes.every((size) => typeof size === 'number'))
    return g.node('Split', [dy, g.int64(sizes as number[])], { attributes: { axis }, outputCount: sizes.length })
  const lengths = x.map((value) => g.Shape(value as Value, { start: axis, end: axis + 1 }))
  return g.node('Split', [dy, lengths.length === 1 ? (lengths[0] as Value) : g.Concat(...lengths, { axis: 0 })], {
    attributes: { axis },
    outputCount: sizes.length,
  })
}

/** Concatenates the gradients of the parts; zeros for a part that the loss does not use. */
function split(c: RuleContext): (Value | null)[] {
  const { g, dys, y, attributes } = c
  return [g.Concat(...y.map((part, i) => dys[i] ?? zerosLike(g, part)), { axis: attributes.axis as number }), null]
}

/** Scatters the gradient of a slice into zeros, one axis after the other. */
function slice(c: RuleContext): (Value | null)[] {
  const { g, dy, x } = c
  const data = input(c)
  const rank = data.shape.length
  const axes = ((x[3]?.content as number[] | undefined) ?? data.shape.map((_, i) => i)).map(
    (axis) => (axis + rank) % rank,
  )
  let result = dy
  for (let i = axes.length - 1; i >= 0; i--) {
    const axis = axes[i] as number
    const positions = g.Range(
      g.scalar(0, 'int32'),
      cast(g, g.Squeeze(g.Shape(data, { start: axis, end: axis + 1 }), g.int64([0])), 'int32'),
      g.scalar(1, 'int32'),
    )
    const bound = (value: Value | null | undefined) => (value ? g.Gather(value, g.int64([i])) : null)
    const step = x[4] ? [bound(x[4]) as Value] : []
    const sliced = g.Slice(positions, bound(x[1]), bound(x[2]), g.int64([0]), ...step)
    const perm = Array.from({ length: rank }, (_, k) => k)
    perm.unshift(perm.splice(axis, 1)[0] as number)
    const back = perm.map((_, k) => perm.indexOf(k))
    const rows = axis === 0 ? result : g.Transpose(result, { perm })
    const size = g.Shape(data, { start: axis, end: axis + 1 })
    const others = rank > 1 ? [g.Shape(rows, { start: 1, end: rank })] : []
    const zeros = g.Expand(scalarLike(g, dy, 0), others.length ? g.Concat(size, ...others, { axis: 0 }) : size)
    const scattered = g.ScatterND(zeros, rowIndices(c, sliced), rows, { reduction: 'add' })
    result = axis === 0 ? scattered : g.Transpose(scattered, { perm: back })
  }
  return [result, null, null, null, null]
}

/** Slices the padding off the gradient, and pads it with zeros where the operator cut elements off. */
function pad(c: RuleContext): (Value | null)[] {
  const { g, dy, x } = c
  requireForm(c, 'mode', ['constant'])
  const pads = x[1]?.content as number[]
  const axes = (x[3]?.content as number[] | undefined) ?? dy.shape.map((_, i) => i)
  const starts = axes.map((_, i) => Math.max(pads[i] as number, 0))
  const ends = axes.map((_, i) => -(pads[i + axes.length] as number)).map((end) => (end < 0 ? end : 2 ** 31 - 1))
  const kept = g.Slice(dy, g.int64(starts), g.int64(ends), g.int64(axes))
  const cut = pads.map((size) => Math.max(-size, 0))
  const whole = cut.some((size) => size > 0) ? g.Pad(kept, g.int64(cut), null, g.int64(axes)) : kept
  return [whole, null, null, null]
}

/** Sums the repeats of each axis: [r d] -> [r, d] -> [d]. */
function tile(c: RuleContext): (Value | null)[] {
  const { g, dy } = c
  const data = input(c)
  const column = (value: Value) => g.Unsqueeze(value, g.int64([1]))
  const pairs = g.Reshape(g.Concat(column(input(c, 1)), column(g.Shape(data)), { axis: 1 }), g.int64([-1]))
  const split = g.Reshape(dy, pairs)
  return [g.ReduceSum(split, g.int64(data.shape.map((_, i) => 2 * i)), { keepdims: 0 }), null]
}

/** The rules of operators that move elements. */
export const movement = {
  Reshape: (c) => [c.g.Reshape(c.dy, c.g.Shape(input(c))), null],
  Squeeze: (c) => [c.g.Reshape(c.dy, c.g.Shape(input(c))), null],
  Unsqueeze: (c) => [c.g.Reshape(c.dy, c.g.Shape(input(c))), null],
  Flatten: (c) => [c.g.Reshape(c.dy, c.g.Shape(input(c)))],
  Transpose: (c) => {
    const perm = (c.attributes.perm as number[] | undefined) ?? input(c).shape.map((_, i, { length }) => length - 1 - i)
    return [c.g.Transpose(c.dy, { perm: perm.map((_, i) => perm.indexOf(i)) })]
  },
  Expand: ({ dy }) => [dy, null],
  Tile: tile,
  Concat: concat,
  Split: split,
  Slice: slice,
  Pad: pad,
  Trilu: (c) => [
    c.x[1]
      ? c.g.Trilu(c.dy, c.x[1], { upper: c.attributes.upper as number })
      : c.g.Trilu(c.dy, { upper: c.attributes.upper as number }),
    null,
  ],
} satisfies Partial<Record<OperatorName, GradientRule>>
