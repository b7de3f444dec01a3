import { sigmoid, softmax } from '@cola/data'
import { expect, it } from 'vitest'

// scipy.special.softmax([1, 2, 3]); logits that float64's exp cannot take give the same probabilities.
it.each([0, 1000, -1000])('of 1, 2, 3 shifted by %d', (shift) => {
  const expected = [0.09003057317038046, 0.24472847105479764, 0.6652409557748218]
  softmax([1, 2, 3].map((logit) => logit + shift)).forEach((p, i) => {
    expect(p).toBeCloseTo(expected[i] as number, 14)
  })
})

it('of a masked class is 0', () => {
  expect(softmax([0, Number.NEGATIVE_INFINITY])).toEqual([1, 0])
})

// scipy.special.expit
it('of several labels, each by itself', () => {
  const found = sigmoid([-1000, -2, 0, 0.5, 1000])
  const expected = [0, 0.11920292202211755, 0.5, 0.6224593312018546, 1]
  found.forEach((p, i) => {
    expect(p).toBeCloseTo(expected[i] as number, 14)
  })
})
