// Gradient rules of operators that gather or scatter elements by index.

import type { Value } from '../ir/graph.ts'
import { cast, zerosLike } from '../ops/composite.ts'
import type { OperatorName } from '../ops/index.ts'
import { input, requireForm } from './context.ts'
import type { GradientRule, RuleContext } from './rule.ts'

/** Indices of rows as ScatterND takes them: int64 [..., 1]. The cast comes last, because WebGPU moves no int64. */
export const rowIndices = ({ g }: RuleContext, indices: Value): Value =>
  cast(g, g.Unsqueeze(indices, g.int64([-1])), 'int64')

/** Scatter-adds the gradient of each gathered row to zeros; axes other than 0 are transposed to the front. */
function gather(c: RuleContext): (Value | null)[] {
  const { g, dy, attributes } = c
  const [data, indices] = [input(c, 0), input(c, 1)]
  const rank = data.shape.length
  const axis = ((attributes.axis as number) + rank) % rank
  if (axis === 0) return [g.ScatterND(zerosLike(g, data), rowIndices(c, indices), dy, { reduction: 'add' }), null]
  const swapped = Array.from({ length: rank }, (_, i) => i)
  swapped.unshift(swapped.splice(axis, 1)[0] as number)
  const back = swapped.map((_, i) => swapped.indexOf(i))
  const moved = Array.from({ length: indices.shape.length }, (_, i) => axis + i)
  const rest = Array.from({ length: dy.shape.length }, (_, i) => i).filter((i) => !moved.includes(i))
  const rows = g.Transpose(dy, { perm: [...moved, ...rest] })
  const zeros = zerosLike(g, g.Transpose(data, { perm: swapped }))
  return [g.Transpose(g.ScatterND(zeros, rowIndices(c, indices), rows, { reduction: 'add' }), { perm: back }), null]
}

/** The reductions of scatters that have a gradient rule. */
const reductions = ['none', 'add']

/** ScatterND without reduction overwrites data, which gets no gradient there; with 'add' data keeps its gradient. */
function scatterND(c: RuleContext): (Value | null)[] {
  const { g, dy, x, attributes } = c
  requireForm(c, 'reduction', reductions)
  const indices = input(c, 1)
  const dUpdates = g.GatherND(dy, indices)
  if (attributes.reduction === 'add') return [dy, null, dUpdates]
  return [g.ScatterND(dy, indices, zerosLike(g, x[2] as Value)), null, dUpdates]
}

/** As {@link scatterND}, along one axis. */
function scatterElements(c: RuleContext): (Value | null)[] {
  const { g, dy, x, attributes } = c
  requireForm(c, 'reduction', reductions)
  const axis = { axis: attributes.axis as number }
  const dUpdates = g.GatherElements(dy, input(c, 1), axis)
  if (attributes.reduction === 'add') return [dy, null, dUpdates]
  return [g.ScatterElements(dy, input(c, 1), zerosLike(g, x[2] as Value), axis), null, dUpdates]
}

/** The rules of gathers and scatters. */
export const indexing = {
  Gather: gather,
  GatherElements: (c) => [
    c.g.ScatterElements(zerosLike(c.g, input(c)), input(c, 1), c.dy, {
      axis: c.attributes.axis as number,
      reduction: 'add',
    }),
    null,
  ],
  GatherND: (c) => {
    requireForm(c, 'batch_dims', [0])
    return [c.g.ScatterND(zerosLike(c.g, input(c)), input(c, 1), c.dy, { reduction: 'add' }), null]
  },
  ScatterElements: scatterElements,
  ScatterND: scatterND,
} satisfies Partial<Record<OperatorName, GradientRule>>
