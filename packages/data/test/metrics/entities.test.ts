import { describe, expect, it } from 'vitest'
import { checkIob2, entitiesOf, entityMetrics } from '../../src/index.ts'
import { close, fixture, warned } from '../support/task-metrics.ts'

describe('entities', () => {
  it.each(fixture.entities.map((one, i) => [i, one] as const))(
    'as seqeval, %i',
    (_, { labels, predictions, scores }) => {
      close(entityMetrics(predictions, labels), scores)
    },
  )
  it('are ranges of tokens with a type', () => {
    expect(entitiesOf(['B-PER', 'I-PER', 'B-PER', 'O', 'I-LOC', 'I-ORG'])).toEqual([
      { type: 'PER', start: 0, end: 2 },
      { type: 'PER', start: 2, end: 3 },
      { type: 'LOC', start: 4, end: 5 },
      { type: 'ORG', start: 5, end: 6 },
    ])
  })
  it('are 0 with a warning without entities', () => {
    const [found, messages] = warned((onWarning) => entityMetrics([['O']], [['O']], { onWarning }))
    close(found, { precision: 0, recall: 0, f1: 0, support: 0, accuracy: 1, types: {} })
    expect(messages).toHaveLength(3)
  })
  it('refuse rows of another length, and tags that are not IOB2, with row and token', () => {
    expect(() => entityMetrics([['O']], [['O', 'O']])).toThrow(
      /predictions, row 1: not a tag for each token, expected 2, found 1/,
    )
    expect(() => checkIob2([['O', 'B-A', 'I-A', 'I-A', 'B-A']])).not.toThrow()
    expect(() => checkIob2([['O'], ['B-A', 'I-B']], 'x')).toThrow(
      /^x, row 2, token 2: an I that continues nothing, expected B-B or I-B before it, found "I-B"/,
    )
    expect(() => checkIob2([['I-A']])).toThrow(/row 1, token 1: an I that continues nothing/)
    for (const tag of ['S-A', 'PER', 'B-', 'b-A', 3])
      expect(() => checkIob2([[tag as string]])).toThrow(/row 1, token 1: no tag of IOB2/)
  })
})
