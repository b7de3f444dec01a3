import fc from 'fast-check'
import { expect, it } from 'vitest'
import { addDims, divDims, evaluateDim, mulDims, parseDim, type Dim } from '../../src/index.ts'
import { boundsOf, dimTerms, replaceSymbols } from '../../src/ir/dim.ts'

const symbols = new Map([
  ['batch', 3],
  ['sequence', 5],
  ['past', 7],
])

const dim: fc.Arbitrary<Dim> = fc.oneof(
  fc.integer({ min: 0, max: 9 }),
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

it('writes a polynomial in one way', () => {
  fc.assert(
    fc.property(dim, dim, (a, b) => {
      expect(addDims(0, a)).toBe(a)
      expect(addDims(addDims(a, b), mulDims(b, -1))).toBe(a)
      expect(replaceSymbols(a, (symbol) => symbol)).toBe(a)
    }),
  )
})

it('divides exactly or not at all', () => {
  expect(divDims(0, 'batch')).toBe(0)
  expect(divDims('batch', 0)).toBeUndefined()
  expect(divDims(0, 0)).toBeUndefined()
  expect(divDims('6*batch*sequence', '2*batch')).toBe('3*sequence')
  expect(divDims('batch+1', 'batch')).toBeUndefined()
  expect(divDims(mulDims('batch', 12), 12)).toBe('batch')
})

it('parses names that exporters write', () => {
  expect(parseDim('past_sequence_length + 1')).toBe('past_sequence_length+1')
  expect(parseDim('batch size')).toBe('batch_size')
})

it('replaces symbols, and bounds what they can be', () => {
  fc.assert(
    fc.property(dim, dim, dim, (a, b, c) => {
      const polynomial = addDims(mulDims(a, b), mulDims(c, -1))
      const replaced = replaceSymbols(polynomial, (symbol) => (symbol === 'batch' ? '2*past+1' : symbol))
      expect(value(replaced)).toBe(evaluateDim(polynomial, new Map([...symbols, ['batch', 2 * 7 + 1]])))
      const [least, greatest] = boundsOf(polynomial)
      expect(least).toBeLessThanOrEqual(value(polynomial))
      expect(greatest).toBeGreaterThanOrEqual(value(polynomial))
    }),
  )
  expect(boundsOf('batch*sequence+1')).toEqual([1, Number.POSITIVE_INFINITY])
  expect(boundsOf('3-batch')).toEqual([Number.NEGATIVE_INFINITY, 3])
  expect(dimTerms('2*batch*sequence-1')).toEqual([
    { coefficient: 2, symbols: ['batch', 'sequence'] },
    { coefficient: -1, symbols: [] },
  ])
})
