import { describe, expect, it } from 'vitest'
import { accuracy, mcnemar, packSteps, pairedBootstrap, random } from '../src/index.ts'

describe('paired tests', () => {
  const labels = Array.from({ length: 100 }, (_, i) => i % 2)
  const wrong = (count: number, from = 0) =>
    labels.map((label, i) => (i >= from && i < from + count ? 1 - label : label))

  it('McNemar is the exact binomial test on the rows that differ', () => {
    // 2 against 8 of 10 disputed rows: 2 (1 + 10 + 45) / 1024; scipy.stats.binomtest(2, 10).pvalue.
    const { onlyFirst, onlySecond, p } = mcnemar(wrong(8), wrong(2, 50), labels)
    expect([onlyFirst, onlySecond]).toEqual([2, 8])
    expect(p).toBeCloseTo(0.109375, 10)
    expect(mcnemar(wrong(5), wrong(5), labels).p).toBe(1)
    expect(mcnemar(wrong(30), wrong(0), labels).p).toBeCloseTo(2 ** -29, 15)
  })

  it('the bootstrap interval contains the difference and shrinks with the rows', () => {
    const { difference, interval, p } = pairedBootstrap(accuracy, wrong(30), wrong(5), labels, { seed: 1 })
    expect(difference).toBeCloseTo(0.25, 10)
    // Standard error of the difference: sqrt(0.25 * 0.75 / 100) = 0.0433.
    expect(interval[0]).toBeGreaterThan(0.25 - 3 * 0.0433)
    expect(interval[1]).toBeLessThan(0.25 + 3 * 0.0433)
    expect(interval[0]).toBeLessThan(0.25 - 0.0433)
    expect(p).toBe(0)
    expect(pairedBootstrap(accuracy, wrong(9), wrong(9, 20), labels, { seed: 1 }).p).toBeGreaterThan(0.5)
    // The same run twice says nothing more: the interval is that of one.
    const twice = (values: number[]) => [...values, ...values]
    const doubled = pairedBootstrap(accuracy, twice(wrong(30)), twice(wrong(5)), twice(labels), { seed: 1, runs: 2 })
    expect(doubled.interval).toEqual(interval)
  })
})

describe('packSteps', () => {
  it('orders tokens step by step, like pack_padded_sequence', () => {
    const { input_ids, batch_sizes, step_splits, reverse_index, last_token, token_index, lengths } = packSteps(
      [[5], [1, 2, 3], [7, 8]],
      { max_length: 4 },
    )
    expect([...input_ids.data]).toEqual([1, 7, 5, 2, 8, 3])
    expect([...batch_sizes.data].map(Number)).toEqual([3, 2, 1, 0])
    expect([...step_splits.data].map(Number)).toEqual([2, 1, 1, 1, 0, 1, 0, 0])
    expect([...last_token.data]).toEqual([2, 5, 4])
    expect([...reverse_index.data]).toEqual([5, 4, 2, 3, 1, 0])
    expect(token_index).toEqual({ data: Int32Array.of(2, 6, 6, 0, 3, 5, 1, 4, 6), dims: [3, 3] })
    expect([...lengths.data]).toEqual([1, 3, 2])
  })

  it('keeps every token of random batches', () => {
    const stream = random(1, 'packSteps')
    for (let round = 0; round < 50; round++) {
      const sentences = Array.from({ length: 1 + stream.integer(9) }, () =>
        Array.from({ length: 1 + stream.integer(12) }, () => stream.integer(99)),
      )
      const { input_ids, token_index, last_token, reverse_index } = packSteps(sentences, { max_length: 12 })
      const columns = token_index.dims[1] as number
      sentences.forEach((sentence, i) => {
        const places = [...token_index.data.subarray(i * columns, i * columns + sentence.length)]
        expect(places.map((place) => input_ids.data[place])).toEqual(sentence)
        expect(last_token.data[i]).toBe(places.at(-1))
        expect(places.map((place) => reverse_index.data[place])).toEqual([...places].reverse())
      })
    }
  })

  it('refuses sentences without tokens or longer than the steps', () => {
    expect(() => packSteps([], { max_length: 2 })).toThrow(/no sentences/)
    expect(() => packSteps([[1], []], { max_length: 2 })).toThrow(/sentence 2 of the batch: a sentence without tokens/)
    expect(() => packSteps([[1, 2, 3]], { max_length: 2 })).toThrow(/at most 2 tokens, found 3/)
  })
})
