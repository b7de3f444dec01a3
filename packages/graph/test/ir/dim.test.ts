import fc from 'fast-check'
import { expect, it } from 'vitest'
import { addDims, divDims, evaluateDim, mulDims, parseDim, type Dim } from '../../src/index.ts'

const symbols = new Map([
  ['batch', 3],
  ['sequence', 5],
  ['past', 7],
])

const dim: fc.Arbitrary<Dim> = fc.oneof(
  fc.integer({ min: 1, max: 9 }),
  fc.constantFrom('batch', 'sequence', 'past', '2*batch', 'batch*sequence+1'),
)

const value = (d: Dim) => evaluateDim(d, symbols) as number

it('computes with symbols like with their values', () => {
  fc.assert(
    fc.property(dim, dim, dim, (a, b, c) => {
      expect(value(addDims(a, mulDims(b, c)))).toBe(value(a) + value(b) * value(c))
      expect(addDims(a, b)).toEqual(addDims(b, a))
      expect(mulDims(a, addDims(b, c))).toEqual(addDims(mulDims(a, b), mulDims(a, c)))
    }),
  )
})

it('divides exactly or not at all', () => {
  expect(divDims('6*batch*sequence', '2*batch')).toBe('3*sequence')
  expect(divDims('batch+1', 'batch')).toBeUndefined()
  expect(divDims(mulDims('batch', 12), 12)).toBe('batch')
})

it('parses names that exporters write', () => {
  expect(parseDim('past_sequence_length + 1')).toBe('past_sequence_length+1')
  expect(parseDim('batch size')).toBe('batch_size')
})
