// Rows of operators that gather or scatter elements by index.

import { ShapeError } from '../errors.ts'
import type { Dim } from '../ir/dim.ts'
import type { Shape } from '../ir/graph.ts'
import { axisOf, input, int, type InferContext, like, type Operator, type OutputType } from './operator.ts'

function gather(c: InferContext): OutputType {
  const [data, indices] = [input(c, 0), input(c, 1)]
  const axis = axisOf(int(c, 'axis'), data.shape.length, c.where)
  const type = like(data, [...data.shape.slice(0, axis), ...indices.shape, ...data.shape.slice(axis + 1)])
  const content = data.content && indices.content?.map((i) => data.content?.at(Number(i)))
  return content?.every((dim) => dim !== undefined) ? { ...type, content: content as Dim[] } : type
}

/** The type of the first input. */
function scattered(c: InferContext): OutputType[] {
  return [like(input(c, 0), input(c, 0).shape)]
}

function gatherND(c: InferContext): Shape {
  const [data, indices] = [input(c, 0).shape, input(c, 1).shape]
  const depth = indices.at(-1)
  if (typeof depth !== 'number')
    throw new ShapeError({ where: c.where, what: 'depth of the indices is unknown', found: `[${indices}]` })
  return [...indices.slice(0, -1), ...data.slice(int(c, 'batch_dims') + depth)]
}

export const indexing = {
  Gather: { inputs: [2, 2], attributes: { axis: ['int', 0] }, infer: (c) => [gather(c)] },
  GatherElements: {
    inputs: [2, 2],
    attributes: { axis: ['int', 0] },
    infer: (c) => [like(input(c, 0), input(c, 1).shape)],
  },
  GatherND: { inputs: [2, 2], attributes: { batch_dims: ['int', 0] }, infer: (c) => [like(input(c, 0), gatherND(c))] },
  ScatterElements: {
    inputs: [3, 3],
    attributes: { axis: ['int', 0], reduction: ['string', 'none'] },
    same: [0, 2],
    infer: scattered,
  },
  ScatterND: { inputs: [3, 3], attributes: { reduction: ['string', 'none'] }, same: [0, 2], infer: scattered },
} satisfies Record<string, Operator>
