import { describe, expect, it } from 'vitest'
import { ColaError, cosineSimilarities, retrievalMetrics } from '../../src/index.ts'
import { close, fixture, warned } from '../support/task-metrics.ts'

describe('embeddings', () => {
  const { queries, documents, targets, scores, similarities } = fixture.retrieval
  const rows = (values: number[]) => ({ data: Float32Array.from(values), width: 4 })
  it('have the accuracy of sentence-transformers', () => {
    close(retrievalMetrics(rows(queries), rows(documents), { k: [1, 3, 10], targets }), scores)
    const found = cosineSimilarities(rows(queries), rows(documents.slice(0, queries.length)))
    similarities.forEach((value, i) => {
      expect(found[i]).toBeCloseTo(value, 5)
    })
  })
  it('are nearest to themselves; of equally similar ones, the smaller index ranks first', () => {
    expect(retrievalMetrics(rows(documents), rows(documents))).toEqual({ accuracy_at_1: 1, accuracy_at_10: 1 })
    expect(retrievalMetrics(rows([1, 0, 0, 0, 1, 0, 0, 0]), rows([2, 0, 0, 0, 3, 0, 0, 0]), { k: [1] })).toEqual({
      accuracy_at_1: 0.5,
    })
  })
  it('are 0 with a warning if they are undefined', () => {
    const [found, messages] = warned((onWarning) =>
      cosineSimilarities(rows([0, 0, 0, 0]), rows([1, 0, 0, 0]), { onWarning }),
    )
    expect([...(found as Float64Array), messages.length]).toEqual([0, 1])
    expect(warned((onWarning) => retrievalMetrics(rows([]), rows([1, 0, 0, 0]), { k: [1], onWarning }))).toEqual([
      { accuracy_at_1: 0 },
      [expect.stringMatching(/no queries/)],
    ])
  })
  it.each([
    [() => retrievalMetrics(rows([1]), rows([1, 0, 0, 0])), /queries: not rows of one width/],
    [() => retrievalMetrics(rows([1, 0, 0, Number.NaN]), rows([1, 0, 0, 0])), /queries, row 1: no finite number/],
    [
      () => retrievalMetrics(rows([1, 0, 0, 0]), rows([1, 0, 0, 0]), { targets: [1] }),
      /target of query 1: no such document, expected 0 to 0, found 1/,
    ],
    [() => retrievalMetrics(rows([1, 0, 0, 0]), rows([1, 0, 0, 0]), { k: [0] }), /option k/],
    [() => cosineSimilarities(rows([1, 0, 0, 0]), rows([])), /second: not as many rows as first/],
    [
      () => cosineSimilarities(rows([1, 0, 0, 0]), { data: new Float32Array(2), width: 2 }),
      /second: another width than first/,
    ],
  ])('refuse %s', (run, message) => {
    expect(run).toThrow(ColaError)
    expect(run).toThrow(message)
  })
})
