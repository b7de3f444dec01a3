// Scores of any number of classes, against scikit-learn (fixtures/make-metrics.py).

import { ColaError } from '@cola/graph/errors'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  accuracy,
  classScores,
  classificationMetrics,
  confusionCounts,
  confusionMatrix,
  f1,
  majorityBaseline,
  matthewsCorrelation,
  mcnemar,
  pairedBootstrap,
  precision,
  recall,
} from '../../src/index.ts'

interface Case {
  labels: number[]
  predictions: number[]
  classes: number
  scores: Record<string, number>
  all: Record<string, number>
  confusion: number[][]
  by_class: [number, number, number, number][]
  binary?: Record<string, number>
}

const fixture = join(import.meta.dirname, '../fixtures/metrics.json')
const { cases, large } = JSON.parse(readFileSync(fixture, 'utf8')) as { cases: Case[]; large: Record<string, number> }
const averaged = { f1, precision, recall }
type Averaged = keyof typeof averaged

/** Every score of scikit-learn's names, by the functions for one score each. */
const every = (predictions: number[], labels: number[], options: { classes?: number }, names: string[]) =>
  names.map((name) => {
    if (name === 'accuracy') return accuracy(predictions, labels, options)
    if (name === 'mcc') return matthewsCorrelation(predictions, labels, options)
    const [score, average] = name.split('_') as [Averaged, 'macro']
    return averaged[score](predictions, labels, { ...options, average })
  })

const close = (found: readonly (number | undefined)[], right: readonly number[]) =>
  right.forEach((value, i) => {
    expect(found[i]).toBeCloseTo(value, 8)
  })

describe('classification scores', () => {
  it.each(cases.map((one) => [one.labels.length, one.classes, one] as const))(
    '%i rows of %i classes, as scikit-learn',
    (_, classes, one) => {
      const { labels, predictions, scores, all, confusion, by_class, binary } = one
      close(every(predictions, labels, {}, Object.keys(scores)), Object.values(scores))
      close(every(predictions, labels, { classes }, Object.keys(all)), Object.values(all))
      const metrics = classificationMetrics(predictions, labels)
      for (const name of ['accuracy', 'mcc', 'f1_macro', 'f1_micro', 'f1_weighted'])
        expect(metrics[name]).toBeCloseTo(scores[name] as number, 8)
      expect(metrics.f1 === undefined).toBe(binary === undefined)
      if (binary) {
        close([metrics.f1], [binary.f1 as number])
        close(
          Object.keys(binary).map((name) => averaged[name as Averaged](predictions, labels)),
          Object.values(binary),
        )
      }
      expect(confusionMatrix(predictions, labels, classes)).toEqual(confusion)
      const found = classScores(predictions, labels, { classes })
      expect(found.map((scored) => scored.class)).toEqual(by_class.map((_, id) => id))
      found.forEach((scored, id) => {
        close([scored.precision, scored.recall, scored.f1, scored.support], by_class[id] as number[])
      })
    },
  )

  it('have memory for 200,000 classes', () => {
    const [rows, classes] = [400_000, 200_000]
    const labels = Array.from({ length: rows }, (_, i) => (i * 7919) % classes)
    const predictions = labels.map((label, i) => (i % 3 === 0 ? label : (i * 104_729) % (classes / 2)))
    close(every(predictions, labels, {}, Object.keys(large)), Object.values(large))
    expect(majorityBaseline(labels)).toBe(2 / rows)
    const pairs = confusionCounts(predictions, labels)
    expect(pairs.reduce((sum, { count }) => sum + count, 0)).toBe(rows)
    // A matrix of all pairs would have 4e10 numbers.
    expect(() => confusionMatrix(predictions, labels)).toThrow(
      /too many for a matrix, expected at most 4096, found 200000.*confusionCounts/,
    )
  })

  it('list pairs of true and predicted class, the most frequent first', () => {
    expect(confusionCounts([1, 1, 1, 2, 0], [0, 0, 1, 2, 0])).toEqual([
      { label: 0, predicted: 1, count: 2 },
      { label: 0, predicted: 0, count: 1 },
      { label: 1, predicted: 1, count: 1 },
      { label: 2, predicted: 2, count: 1 },
    ])
  })

  it('are 0 with a warning if they are undefined, never NaN', () => {
    const warned = (run: (onWarning: (message: string) => void) => unknown) => {
      const messages: string[] = []
      return [run((message) => messages.push(message)), messages] as const
    }
    const [empty, ofEmpty] = warned((onWarning) => classificationMetrics([], [], { onWarning }))
    expect(empty).toEqual({ accuracy: 0, mcc: 0, f1: 0, f1_macro: 0, f1_micro: 0, f1_weighted: 0 })
    expect(ofEmpty).toEqual(expect.arrayContaining([expect.stringMatching(/accuracy is not defined for no rows/)]))
    expect(warned((onWarning) => majorityBaseline([], { onWarning }))).toEqual([0, [expect.stringMatching(/no rows/)]])
    const [, single] = warned((onWarning) => matthewsCorrelation([2, 2, 2], [0, 1, 2], { onWarning }))
    expect(single).toEqual(['Matthews correlation is not defined where all predictions are of one class: it is 0'])
    const [, missing] = warned((onWarning) => f1([0, 2], [0, 2], { average: 'macro', classes: 4, onWarning }))
    expect(missing).toEqual([
      'f1 is not defined for a class that neither occurs nor is predicted: it counts as 0 for 1, 3',
    ])
    const named = { average: 'macro', classes: 4, target_names: ['a', 'b', 'c', 'd'] } as const
    expect(warned((onWarning) => f1([0, 2], [0, 2], { ...named, onWarning }))[1]).toEqual([
      'f1 is not defined for a class that neither occurs nor is predicted: it counts as 0 for "b", "d"',
    ])
    expect(warned((onWarning) => precision([0, 0, 2], [0, 1, 2], { average: 'macro', onWarning }))[1]).toEqual([
      'precision is not defined for a class that is never predicted: it counts as 0 for 1',
    ])
    expect(warned((onWarning) => classificationMetrics([0, 1, 2], [0, 2, 1], { onWarning }))[1]).toEqual([])
  })

  it.each<[readonly unknown[], number | undefined]>([
    [['a', 'b'], 3],
    [['a', 'b', 'c', 'd'], 3],
    [['a', 'b', 'a'], 3],
    [['a', 'b'], undefined],
    [['a', 'b', 'c', 'c'], undefined],
  ])('refuses the names %j of %s classes', (target_names, classes) => {
    const options = { target_names, ...(classes === undefined ? {} : { classes }) }
    for (const score of [classificationMetrics, accuracy, classScores, matthewsCorrelation])
      expect(() => score([0, 2], [0, 2], options)).toThrow(
        `option target_names: not one name for each class, expected 3, found ${JSON.stringify(target_names)}`,
      )
  })
  it('takes names of classes beyond those that occur, where their number is not given', () => {
    const metrics = classificationMetrics([0, 1], [0, 1], { target_names: ['a', 'b', 'c'] })
    expect(metrics).toEqual({ accuracy: 1, mcc: 1, f1_macro: 1, f1_micro: 1, f1_weighted: 1 })
  })

  it.each([
    [() => accuracy([1], [1, 0]), /predictions: not as many as labels, expected 2 rows, found 1/],
    [
      () => classificationMetrics([0, 1.5], [0, 1]),
      /predictions, row 2: no class id, expected a whole number from 0 to \d+, found 1.5/,
    ],
    [() => classificationMetrics([0, 1], [0, -100]), /labels, row 2: no class id.*found -100/],
    [() => classificationMetrics([0, 1], ['a', 'b'] as never), /labels, row 1: no class id.*found "a"/],
    [
      () => confusionMatrix([0, 3], [0, 1], 3),
      /predictions, row 2: no class id, expected a whole number from 0 to 2, found 3/,
    ],
    [() => majorityBaseline([1, Number.NaN]), /labels, row 2: no class id.*found NaN/],
    [() => accuracy([1e9], [0]), /predictions, row 1: no class id/],
    [() => accuracy([1], [0], { classes: 0 }), /option classes/],
    [() => f1([2, 0], [0, 1]), /option average: 'binary' is for two classes.*'macro'/],
    [
      () => f1([1, 0], [0, 1], { average: 'mean' as 'macro' }),
      /option average: not a valid value, expected "binary", "macro", "micro", "weighted", found "mean"/,
    ],
    [() => mcnemar([1], [1, 1], [1, 1]), /first predictions: not as many as labels/],
    [() => pairedBootstrap(accuracy, [], [], [], { seed: 1 }), /at least one row, found 0/],
    [
      () => pairedBootstrap(accuracy, [1, 0, 1], [1, 0, 1], [1, 0, 1], { seed: 1, runs: 2 }),
      /option runs.*expected a divisor of 3 rows, found 2/,
    ],
    [() => pairedBootstrap(() => Number.NaN, [1], [1], [1], { seed: 1 }), /metric: gives no number/],
  ])('refuse %s', (run, message) => {
    expect(run).toThrow(ColaError)
    expect(run).toThrow(message)
  })

  it('of three classes, compared by the bootstrap', () => {
    const labels = Array.from({ length: 90 }, (_, i) => i % 3)
    const worse = labels.map((label, i) => (i % 2 ? (label + 1) % 3 : label))
    const macro = (predictions: readonly number[], truth: readonly number[]) =>
      f1(predictions, truth, { average: 'macro' })
    const { difference, interval } = pairedBootstrap(macro, worse, labels, labels, { seed: 1, resamples: 200 })
    expect(difference).toBeCloseTo(0.5, 1)
    expect(interval[0]).toBeGreaterThan(0.3)
    expect(pairedBootstrap(matthewsCorrelation, worse, labels, labels, { seed: 1, resamples: 200 }).p).toBe(0)
  })
})
