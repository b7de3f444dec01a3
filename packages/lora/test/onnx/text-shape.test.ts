import { addInput, createGraph, getValue } from '@cola/graph'
import { describe, expect, it } from 'vitest'
import { withTextShape } from '../../src/onnx/text-shape.ts'

describe('the shape of a text', () => {
  const shapeOf = (name: string, dtype: 'int64' | 'float32', shape: (string | number)[]) => {
    const graph = createGraph('graph')
    addInput(graph, 'input_ids', 'int64', ['batch', 'sequence'])
    addInput(graph, name, dtype, shape)
    return getValue(withTextShape(graph), name).shape
  }
  it('is that of its ids for each input with a number for each token', () => {
    expect(shapeOf('attention_mask', 'int64', ['s43', 's53'])).toEqual(['batch', 'sequence'])
    expect(shapeOf('token_type_ids', 'int64', ['s1', 's2'])).toEqual(['batch', 'sequence'])
  })
  it('leaves sizes that are numbers, other ranks and other inputs', () => {
    expect(shapeOf('position_ids', 'int64', [1, 'length'])).toEqual([1, 'length'])
    expect(shapeOf('attention_mask', 'float32', ['a', 1, 'b', 'c'])).toEqual(['a', 1, 'b', 'c'])
    expect(shapeOf('past', 'int64', ['a', 'b'])).toEqual(['a', 'b'])
  })
})
