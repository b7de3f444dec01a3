// The tensor of a Constant node.

import { UnsupportedOperatorError } from '../errors.ts'
import type { Attribute } from '../ir/graph.ts'
import { type Tensor, tensorOf } from '../tensor/tensor.ts'
import { readAttribute } from './attribute.ts'
import type { NodeProto } from './proto.ts'

/** @throws {UnsupportedOperatorError} for strings and sparse tensors. */
export function constantOf(proto: NodeProto, at: string): Tensor {
  const read = proto.attribute.map((one): [string, Attribute] => [one.name, readAttribute(one, proto.opType, at).value])
  const attributes: Record<string, Attribute> = Object.fromEntries(read)
  const { value, value_float: float, value_int: int, value_ints: ints, value_floats: floats } = attributes
  if (value && typeof value === 'object' && 'bytes' in value) return value
  if (typeof float === 'number') return tensorOf('float32', [], [float])
  if (typeof int === 'number') return tensorOf('int64', [], [int])
  if (Array.isArray(ints)) return tensorOf('int64', [ints.length], ints as number[])
  if (Array.isArray(floats)) return tensorOf('float32', [floats.length], floats as number[])
  throw new UnsupportedOperatorError({
    where: at,
    what: 'a constant of this kind is not supported',
    found: Object.keys(attributes).join(', '),
  })
}
