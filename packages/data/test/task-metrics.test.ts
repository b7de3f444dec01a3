// Scores of several labels, numbers, entities and embeddings, against scikit-learn, SciPy, seqeval and
// sentence-transformers (fixtures/make-task-metrics.py).

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  checkIob2,
  cosineSimilarities,
  DataError,
  entitiesOf,
  entityMetrics,
  meanSquaredError,
  multiLabelMetrics,
  pearson,
  perplexity,
  regressionMetrics,
  retrievalMetrics,
  spearman,
} from '../src/index.ts'

interface Scored<Rows, Scores = Record<string, number>> {
  labels: Rows
  predictions: Rows
  scores: Scores
}
interface Fixture {
  multilabel: Scored<number[][]>[]
  regression: Scored<number[]>[]
  entities: Scored<string[][], { types: Record<string, Record<string, number>> } & Record<string, unknown>>[]
  retrieval: {
    queries: number[]
    documents: number[]
    targets: number[]
    scores: Record<string, number>
    similarities: number[]
  }
}
const file = join(import.meta.dirname, 'fixtures/task-metrics.json')
const fixture = JSON.parse(readFileSync(file, 'utf8')) as Fixture

/** Numbers that agree to eight places, in objects of one shape. */
function close(found: unknown, right: unknown): void {
  if (typeof right === 'number') expect(found).toBeCloseTo(right, 7)
  else {
    expect(Object.keys(found as object).sort()).toEqual(Object.keys(right as object).sort())
    for (const [name, value] of Object.entries(right as object)) close((found as Record<string, unknown>)[name], value)
  }
}

const warned = (run: (onWarning: (message: string) => void) => unknown) => {
  const messages: string[] = []
  return [run((message) => messages.push(message)), messages] as const
}

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
    [() => multiLabelMetrics([[1, 0.5]], [[1, 0]]), /predictions, row 1: no indicator, expected 0 or 1, found 0.5/],
  ])('refuse %s', (run, message) => {
    expect(run).toThrow(DataError)
    expect(run).toThrow(message)
  })
})

describe('numbers', () => {
  it.each(fixture.regression.map((one, i) => [i, one] as const))(
    'as SciPy and scikit-learn, %i',
    (_, { labels, predictions, scores }) => {
      close(regressionMetrics(predictions, labels), scores)
    },
  )
  it('are 0 with a warning if they are undefined', () => {
    // The mean of three times 0.1 is not 0.1.
    const constant = [0.1, 0.1, 0.1]
    expect(warned((onWarning) => pearson(constant, [1, 2, 3], { onWarning }))).toEqual([
      0,
      [expect.stringMatching(/equal/)],
    ])
    expect(warned((onWarning) => spearman([1, 2, 3], constant, { onWarning }))).toEqual([
      0,
      [expect.stringMatching(/equal/)],
    ])
    expect(warned((onWarning) => meanSquaredError([], [], { onWarning }))).toEqual([
      0,
      [expect.stringMatching(/no rows/)],
    ])
    close(regressionMetrics([], []), { pearson: 0, spearman: 0, mse: 0 })
    expect(pearson([1e-3, 2e-3, 3e-3], [2, 4, 6])).toBeLessThanOrEqual(1)
  })
  it('refuse values that are not numbers', () => {
    expect(() => pearson([1, Number.NaN], [1, 2])).toThrow(/predictions, row 2: no finite number.*found NaN/)
    expect(() => meanSquaredError([1], [1, 2])).toThrow(/not as many as labels/)
  })
})

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
    expect(run).toThrow(DataError)
    expect(run).toThrow(message)
  })
})

describe('perplexity', () => {
  it('is exp of the loss', () => {
    expect(perplexity(0)).toBe(1)
    // torch.exp(torch.tensor(3.2189)) of a uniform choice of 25.
    expect(perplexity(Math.log(25))).toBeCloseTo(25, 10)
    expect(() => perplexity(Number.NaN)).toThrow(/no mean loss.*found NaN/)
  })
})
