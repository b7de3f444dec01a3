import { describe, expect, it } from 'vitest'
import { random } from '../src/index.ts'

describe('masks', () => {
  it.each([0.01, 0.05, 0.5, 0.9])('drop an element with probability %d, independent of its neighbours', (p) => {
    const [size, draws] = [10_000, 20]
    const masks = Array.from({ length: draws }, (_, i) => random(1, 'mask', i).mask(size, 1 - p))
    const zeros = masks.reduce((sum, mask) => sum + mask.filter((bit) => bit === 0).length, 0)
    const pairs = masks.reduce((sum, mask) => sum + mask.filter((bit, i) => bit === 0 && mask[i + 1] === 0).length, 0)
    // Five standard deviations of a binomial count; pairs overlap, which at most triples their variance.
    const near = (probability: number, spread: number) =>
      5 * spread * Math.sqrt(size * draws * probability * (1 - probability))
    expect(Math.abs(zeros - p * size * draws)).toBeLessThan(near(p, 1))
    expect(Math.abs(pairs - p * p * size * draws)).toBeLessThan(near(p * p, Math.sqrt(3)))
  })
  it('are a function of the keys, and all ones or zeros for the extreme probabilities', () => {
    expect(random(1, 'a').mask(100, 0.7)).toEqual(random(1, 'a').mask(100, 0.7))
    expect(random(1, 'a').mask(100, 0.7)).not.toEqual(random(1, 'b').mask(100, 0.7))
    expect([...random(1).mask(5, 1)]).toEqual([1, 1, 1, 1, 1])
    expect([...random(1).mask(5, 0)]).toEqual([0, 0, 0, 0, 0])
  })
})
