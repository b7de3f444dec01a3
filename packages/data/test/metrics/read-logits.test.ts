import { expect, it } from 'vitest'
import { oneLabel, severalLabels } from '../../src/index.ts'

// scipy.special.softmax and expit of these logits.
const logits = [0.3, -1.2, 2.1]
const [exclusive, each] = [
  [0.13749904804222726, 0.03068018460991882, 0.831820767347854],
  [0.574442516811659, 0.23147521650098238, 0.8909031788043871],
]
const classes = [3, 5, 7]

it('reads one class, of three', () => {
  const { probabilities, ...found } = oneLabel(logits, classes)
  expect(found).toEqual({ label: 7, index: 2, labels: [7], score: probabilities[2] })
  expect(probabilities).toBeAllclose(exclusive, { atol: 1e-15 })
})

it('reads several classes, and none of them', () => {
  const { probabilities, ...found } = severalLabels(logits, classes)
  expect(found).toEqual({ label: 7, index: 2, labels: [3, 7], score: probabilities[2] })
  expect(probabilities).toBeAllclose(each, { atol: 1e-15 })
  expect(severalLabels([-2, -0.5], ['a', 'b'])).toMatchObject({ label: 'b', index: 1, labels: [] })
})
