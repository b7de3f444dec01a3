import { describe, expect, it } from 'vitest'
import { DataError, multiLabelMetrics } from '../../src/index.ts'
import { close, fixture, warned } from '../support/task-metrics.ts'

describe('several labels', () => {
  it.each(fixture.multilabel.map((one, i) => [i, one] as const))(
    'as scikit-learn, %i',
    (_, { labels, predictions, scores }) => {
      close(multiLabelMetrics(predictions, labels), scores)
    },
  )
  it('are 0 with a warning if they are undefined', () => {
    const zeros = [[0, 0]]
    const [found, messages] = warned((onWarning) => multiLabelMetrics(zeros, zeros, { onWarning }))
    expect(found).toEqual({ subset_accuracy: 1, f1_micro: 0, f1_macro: 0, f1_weighted: 0, f1_samples: 0 })
    expect(messages).toHaveLength(4)
    const options = { target_names: ['spam', 'ham'] }
    const [, named] = warned((onWarning) => multiLabelMetrics([[1, 0]], [[1, 0]], { ...options, onWarning }))
    expect(named).toEqual(['F1 is not defined for classes without a label in any row: it counts as 0 for "ham"'])
    close(multiLabelMetrics([], []), { subset_accuracy: 0, f1_micro: 0, f1_macro: 0, f1_weighted: 0, f1_samples: 0 })
  })
  it.each([
    [() => multiLabelMetrics([[1]], [[1], [0]]), /predictions: not as many as labels/],
    [
      () =>
        multiLabelMetrics(
          [[1, 0], [1]],
          [
            [1, 0],
            [1, 0],
          ],
        ),
      /predictions, row 2: not an indicator for each class/,
    ],
    [
      () => multiLabelMetrics([[1, 0]], [[1, 0]], { target_names: ['a'] }),
      /option target_names: .*expected 2, found \["a"\]/,
    ],
    [
      () => multiLabelMetrics([[1, 0]], [[1, 0]], { target_names: ['a', 'a'] }),
      /target_names: .*expected 2, found \["a","a"\]/,
    ],
    [() => multiLabelMetrics([[1, 0.5]], [[1, 0]]), /predictions, row 1: no indicator, expected 0 or 1, found 0.5/],
  ])('refuse %s', (run, message) => {
    expect(run).toThrow(DataError)
    expect(run).toThrow(message)
  })
})
