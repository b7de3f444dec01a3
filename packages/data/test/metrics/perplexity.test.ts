import { describe, expect, it } from 'vitest'
import { perplexity } from '../../src/index.ts'

describe('perplexity', () => {
  it('is exp of the loss', () => {
    expect(perplexity(0)).toBe(1)
    // torch.exp(torch.tensor(3.2189)) of a uniform choice of 25.
    expect(perplexity(Math.log(25))).toBeCloseTo(25, 10)
    expect(() => perplexity(Number.NaN)).toThrow(/no mean loss.*found NaN/)
  })
})
