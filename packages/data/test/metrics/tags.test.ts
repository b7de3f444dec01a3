import { expect, it } from 'vitest'
import { tagMetrics } from '../../src/index.ts'
import { tags as fixture } from '../support/tags.ts'
import { close, warned } from '../support/task-metrics.ts'

it.each(fixture.scores.map((one, i) => [i, one] as const))(
  'scores of tags as scikit-learn, %i',
  (_, { labels, predictions, scores }) => {
    close(tagMetrics(predictions, labels), scores)
  },
)

it('tells of undefined scores once, by the names of the tags', () => {
  const [found, messages] = warned((onWarning) => tagMetrics([['NOUN', '']], [['NOUN', 'VERB']], { onWarning }))
  expect(found).toMatchObject({ accuracy: 0.5, recall_macro: 0.5, f1_macro: 0.5 })
  expect(messages).toEqual(['precision is not defined for a class that is never predicted: it counts as 0 for "VERB"'])
  expect(warned((onWarning) => tagMetrics([], [], { onWarning }))[1]).toContain(
    'accuracy is not defined for no words: it is 0',
  )
})

it('refuses rows of another length', () => {
  expect(() => tagMetrics([['A']], [['A', 'B']])).toThrow(/predictions, row 1: not a tag for each token, expected 2/)
})
