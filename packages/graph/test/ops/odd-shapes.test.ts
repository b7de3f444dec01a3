// Nodes of a file whose attributes and inputs contradict each other: refused with the node's name, in little time and
// memory, whatever sizes they claim.

import { expect, it } from 'vitest'
import { addInput, build, type Builder, createGraph, ShapeError, type Value } from '../../src/index.ts'

const open = (shape: readonly (number | string)[]): [g: Builder, x: Value] => {
  const graph = createGraph('odd')
  return [build(graph), addInput(graph, 'x', 'float32', shape)]
}

it.each([
  ['a transpose by an axis that is none', [2, 3], (g, x) => g.Transpose(x, { perm: [0, 5] })],
  ['a concatenation of scalars', [], (g, x) => g.Concat(x, x, { axis: 0 })],
  ['a concatenation without an axis', [2], (g, x) => g.node('Concat', [x, x])],
  ['a slice by steps of 0', [4], (g, x) => g.Slice(x, g.int64([0]), g.int64([4]), g.int64([0]), g.int64([0]))],
  ['a reshape that keeps an axis that is none', [2, 3], (g, x) => g.Reshape(x, g.int64([6, 1, 0]))],
  ['a negative padding', [2], (g, x) => g.Pad(x, g.int64([-3, 0]))],
  ['more outputs than there are', [4], (g, x) => g.node('Split', [x], { attributes: { num_outputs: 2 ** 31 } })],
] as readonly (readonly [string, readonly number[], (g: Builder, x: Value) => unknown])[])(
  '%s is refused',
  (_, shape, run) => {
    const [g, x] = open(shape)
    expect(() => run(g, x)).toThrow(ShapeError)
  },
)

it('a shape of a rank beyond all is refused', () => {
  const graph = createGraph('odd')
  const shape = addInput(graph, 'shape', 'int64', [2 ** 31])
  expect(() => build(graph).ConstantOfShape(shape)).toThrow(/the rank of a computed shape is unknown/)
})

it.each([
  [1, 2 ** 40 - 1, 1, 2 ** 40 - 2],
  [0, 2 ** 40, 3, Math.ceil(2 ** 40 / 3)],
  [-1, -(2 ** 41), -1, 2 ** 40],
  [5, 2, 1, 0],
  [-3, 2 ** 62, 2, 2],
])('a slice %d to %d by %d of a trillion has %d elements', (start, end, step, size) => {
  const [g, x] = open([2 ** 40])
  const bounds = [start, end, 0, step].map((value) => g.int64([value])) as [Value, Value, Value, Value]
  expect(g.Slice(x, ...bounds).shape).toEqual([size])
})
