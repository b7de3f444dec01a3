// Rows of operators that compute shapes, and constants and ranges from shapes.

import { mulDims, subtractDims } from '../ir/dim.ts'
import { type Tensor, toNumbers } from '../tensor/tensor.ts'
import { input, int, type InferContext, type Operator, type OutputType, shapeInput } from './operator.ts'

/** Elements up to which an integer value carries its content. */
const maxContent = 16

function shapeOf(c: InferContext): OutputType {
  const { shape } = input(c, 0)
  const end = c.attributes.end === undefined ? shape.length : int(c, 'end')
  const content = shape.slice(int(c, 'start'), end)
  return { dtype: 'int64', shape: [content.length], content }
}

function constantOfShape(c: InferContext): OutputType {
  const value = c.attributes.value as Tensor | undefined
  const shape = shapeInput(c, 0)
  const type: OutputType = { dtype: value?.dtype ?? 'float32', shape }
  const integer = value && (value.dtype === 'int64' || value.dtype === 'int32')
  return integer && shape.length === 1 && typeof shape[0] === 'number' && shape[0] <= maxContent
    ? { ...type, content: Array.from({ length: shape[0] }, () => toNumbers(value)[0] as number) }
    : type
}

function range(c: InferContext): OutputType {
  const [start, limit, delta] = [0, 1, 2].map((i) => input(c, i).content?.[0])
  const dtype = input(c, 0).dtype
  if (typeof start === 'number' && typeof limit === 'number' && typeof delta === 'number') {
    const size = Math.max(0, Math.ceil((limit - start) / delta))
    return {
      dtype,
      shape: [size],
      ...(size <= maxContent ? { content: Array.from({ length: size }, (_, i) => start + i * delta) } : {}),
    }
  }
  const size = delta === 1 && limit !== undefined && start !== undefined ? subtractDims(limit, start) : c.unknownDim()
  return { dtype, shape: [size] }
}

export const shapes = {
  Shape: { inputs: [1, 1], attributes: { start: ['int', 0], end: ['int'] }, infer: (c) => [shapeOf(c)] },
  Size: {
    inputs: [1, 1],
    attributes: {},
    infer: (c) => [{ dtype: 'int64', shape: [], content: [mulDims(...input(c, 0).shape)] }],
  },
  ConstantOfShape: { inputs: [1, 1], attributes: { value: ['tensor'] }, infer: (c) => [constantOfShape(c)] },
  Range: { inputs: [3, 3], attributes: {}, same: 'all', infer: (c) => [range(c)] },
} satisfies Record<string, Operator>
