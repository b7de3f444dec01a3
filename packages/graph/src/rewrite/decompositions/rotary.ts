// Rotary positions (Su et al. 2021): the rotation that the operators share, and the operators.

import type { Value } from '../../ir/graph.ts'
import type { Builder } from '../../ops/build.ts'
import { cast } from '../../ops/composite.ts'
import { type Decomposition, type FusedContext, int, required, unsupported } from './decomposition.ts'
import { joinHeads, known, split, splitHeads } from './heads.ts'
import { indices } from './masks.ts'

/** Cosines and sines of the angles, [sequence, half] or [batch, 1, sequence, half]. */
export interface Angles {
  readonly cos: Value
  readonly sin: Value
}

/** Rows of the caches [positions, half] at integer positions [batch, sequence]. */
export function anglesAt(g: Builder, caches: readonly [Value, Value], positions: Value): Angles {
  const [cos, sin] = caches.map((cache) => g.Unsqueeze(g.Gather(cache, positions), g.int64([1]))) as [Value, Value]
  return { cos, sin }
}

/** The first rows of the caches, as many as the axis of `like` has elements. */
export function firstAngles(g: Builder, caches: readonly [Value, Value], like: Value, axis: number): Angles {
  const end = g.Shape(like, { start: axis, end: axis + 1 })
  const [cos, sin] = caches.map((cache) => g.Slice(cache, g.int64([0]), end, g.int64([0]))) as [Value, Value]
  return { cos, sin }
}

/**
 * Rotates pairs (a, b) of each head, x [batch, heads, sequence, size], by its position's angles: [a cos - b sin,
 * a sin + b cos]. The pairs are the halves of the first `2 * half` numbers of a head, or its neighbours if
 * `interleaved`; further numbers stay.
 */
export function rotate(c: FusedContext, x: Value, { cos, sin }: Angles, interleaved: boolean): Value {
  const { g } = c
  const [size, half] = [known(c, x.shape[3], 'the size of a head'), known(c, cos.shape.at(-1), 'the number of angles')]
  const rest = size - 2 * half
  if (rest < 0) throw unsupported(c, 'more angles than a head has pairs', { expected: `${size / 2}`, found: `${half}` })
  const pair = (value: Value, sizes: readonly number[], axis: number) => split(g, value, sizes, axis) as [Value, Value]
  const [rotated, kept] = rest === 0 ? [x, undefined] : pair(x, [2 * half, rest], 3)
  const pairs = interleaved ? g.Reshape(rotated, g.int64([0, 0, 0, half, 2])) : rotated
  const [a, b] = pair(pairs, interleaved ? [1, 1] : [half, half], interleaved ? 4 : 3)
  const [u, w] = interleaved ? [cos, sin].map((angle) => g.Unsqueeze(angle, g.int64([-1]))) : [cos, sin]
  const [cosines, sines] = [u, w] as [Value, Value]
  const turned = [g.Sub(g.Mul(a, cosines), g.Mul(b, sines)), g.Add(g.Mul(a, sines), g.Mul(b, cosines))]
  if (interleaved) {
    const joined = g.Reshape(g.Concat(...turned, { axis: 4 }), g.int64([0, 0, 0, 2 * half]))
    return kept ? g.Concat(joined, kept, { axis: 3 }) : joined
  }
  return g.Concat(...turned, ...(kept ? [kept] : []), { axis: 3 })
}

/** Applies `change` to the heads of x, which is [batch, heads, sequence, size] or [batch, sequence, heads * size]. */
function onHeads(c: FusedContext, x: Value, heads: () => number, change: (x: Value) => Value): Value {
  if (x.shape.length === 4) return change(x)
  if (x.shape.length !== 3) throw unsupported(c, 'three or four axes are supported', { found: `[${x.shape}]` })
  return joinHeads(c, change(splitHeads(c, x, heads())))
}

const caches = (c: FusedContext, first: number): [Value, Value] => [required(c, first), required(c, first + 1)]

export const rotary = {
  /** x, cos, sin: caches by positions [batch, sequence], or without positions [batch, sequence, half]. */
  RotaryEmbedding: {
    inputs: [3, 4],
    attributes: { interleaved: ['int', 0], num_heads: ['int', 0], rotary_embedding_dim: ['int', 0] },
    apply: (c) => {
      const [cos, sin] = caches(c, 1)
      const positions = c.x[3]
      const at = c.g.int64([1])
      const angles = positions
        ? anglesAt(c.g, [cos, sin], positions)
        : { cos: c.g.Unsqueeze(cos, at), sin: c.g.Unsqueeze(sin, at) }
      return [
        onHeads(
          c,
          required(c, 0),
          () => headsOf(c),
          (x) => rotate(c, x, angles, int(c, 'interleaved') === 1),
        ),
      ]
    },
  },
  /**
   * x, positions, caches. Positions are [batch, sequence], or one number: that of the first token. Packed batches have
   * their positions; kernels differ in what they do with a scale.
   */
  'com.microsoft.RotaryEmbedding': {
    inputs: [4, 4],
    attributes: {
      interleaved: ['int', 0],
      is_packed_batching: ['int', 0],
      num_heads: ['int', 0],
      rotary_embedding_dim: ['int', 0],
      scale: ['float', 1],
    },
    supported: { is_packed_batching: [0, 1], scale: [1] },
    apply: (c) => {
      const [x, tables] = [required(c, 0), caches(c, 2)]
      const angles = anglesAt(c.g, tables, positionsOf(c, x, required(c, 1)))
      const size = 2 * known(c, tables[0].shape[1], 'the number of angles')
      const heads = () => int(c, 'num_heads') || known(c, x.shape[2], 'the width') / size
      return [onHeads(c, x, heads, (value) => rotate(c, value, angles, int(c, 'interleaved') === 1))]
    },
  },
} satisfies Record<string, Decomposition>

/** Positions [batch, sequence] as they are; one number as those of the tokens from it on, [1, sequence]. */
function positionsOf(c: FusedContext, x: Value, positions: Value): Value {
  const { g } = c
  if (positions.shape.length === 2) return positions
  if (positions.shape.length > 2 || (positions.shape[0] ?? 1) !== 1)
    throw unsupported(c, `input 1 ("${positions.name}") has a form of positions that is not supported`, {
      expected: '[batch, sequence] or one number',
      found: `[${positions.shape}]`,
    })
  const first = g.Reshape(cast(g, positions, 'float32'), g.int64([1, 1]))
  return cast(g, g.Add(indices(g, x, x.shape.length - 2), first), 'int32')
}

function headsOf(c: FusedContext): number {
  const heads = int(c, 'num_heads')
  if (heads > 0) return heads
  throw unsupported(c, 'attribute "num_heads" is missing', { fix: 'x with three axes needs it.' })
}
