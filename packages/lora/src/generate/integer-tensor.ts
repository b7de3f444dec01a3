// Tensors of token ids, masks, positions and indices.

import { elementCount, type Graph, getValue } from '@cola/graph'
import { OrtTensor } from '@cola/train'

/** The tensor for an input, in the integers that it asks for. @param at The number at an index of the flat tensor. */
export function integerTensor(
  graph: Graph,
  name: string,
  dims: readonly number[],
  at: (index: number) => number,
): OrtTensor {
  const length = elementCount(dims)
  if (getValue(graph, name).dtype === 'int32')
    return new OrtTensor(
      'int32',
      Int32Array.from({ length }, (_, i) => at(i)),
      dims,
    )
  const data = new BigInt64Array(length)
  for (let i = 0; i < length; i++) data[i] = BigInt(at(i))
  return new OrtTensor('int64', data, dims)
}
