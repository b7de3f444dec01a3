import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeRows, packForLanguageModel, packRows, packSentences, random, unpad } from '../../src/index.ts'

describe('packing', () => {
  const sentences = fc.array(fc.array(fc.integer({ min: 1, max: 99 }), { minLength: 1, maxLength: 30 }), {
    minLength: 1,
    maxLength: 40,
  })
  it('has rows of at most max_columns, but for a sentence that is longer', () => {
    const limits = fc.integer({ min: 1, max: 60 })
    fc.assert(
      fc.property(sentences, limits, (list, max_columns) => {
        const longest = Math.max(...list.map(({ length }) => length))
        const [, width] = packSentences(list, { max_columns }).input_ids.dims
        expect(width).toBeLessThanOrEqual(Math.max(longest, max_columns))
      }),
    )
    const short = Array.from({ length: 6 }, () => [1, 2, 3]).concat([[1, 2, 3, 4]])
    expect(packSentences(short, { max_columns: 4 }).input_ids.dims).toEqual([7, 4])
    expect(packSentences(short).input_ids.dims[1]).toBeGreaterThan(4)
  })
  it('keeps every token of every sentence in place', () => {
    fc.assert(
      fc.property(sentences, (list) => {
        const { input_ids, position_ids, segment_ids, last_token } = packSentences(list)
        list.forEach((ids, i) => {
          const end = last_token.data[i] as number
          const start = end - ids.length + 1
          expect([...input_ids.data.slice(start, end + 1)]).toEqual(ids)
          expect([...position_ids.data.slice(start, end + 1)]).toEqual(ids.map((_, k) => k))
          expect(new Set(segment_ids.data.slice(start, end + 1)).size).toBe(1)
        })
        expect(segment_ids.data.filter((segment) => segment > 0).length).toBe(list.flat().length)
      }),
    )
  })
  it("needs little padding for lengths like CoLA's", () => {
    const stream = random(1, 'lengths')
    const list = Array.from({ length: 128 }, () =>
      Array.from({ length: 3 + Math.floor(-7 * Math.log(1 - 0.95 * stream.uniform())) }, () => 1),
    )
    expect(packSentences(list).input_ids.data.length / list.flat().length).toBeLessThan(1.05)
  })
  it('predicts the next token within a sentence only', () => {
    const { labels, segment_ids, input_ids } = packForLanguageModel([
      [1, 2, 3],
      [4, 5],
    ])
    const kept = [...labels.data].flatMap((label, i) => (label === -100 ? [] : [[input_ids.data[i], label]]))
    expect(kept).toEqual(
      expect.arrayContaining([
        [1, 2],
        [2, 3],
        [4, 5],
      ]),
    )
    expect(kept.length).toBe(3)
    expect(segment_ids.dims).toEqual(input_ids.dims)
  })
  it('unpads either side', () => {
    expect(unpad([0, 5, 6, 7, 8, 0], [0, 1, 1, 1, 1, 0], [2, 3])).toEqual([
      [5, 6],
      [7, 8],
    ])
  })
  it('refuses sentences without tokens; refuses or counts those that are too long', () => {
    expect(() => packRows([])).toThrow(/no sentences/)
    const tokenizer = { encode: (text: string) => [...text].map(() => 1) }
    expect(encodeRows(tokenizer, [{ text: 'abcdef', label: 1 }], { max_length: 4 })).toEqual({
      rows: [{ input_ids: [1, 1, 1, 1], label: 1 }],
      truncated: 1,
    })
    expect(() => encodeRows(tokenizer, [{ text: 'abcdef', label: 1 }], { max_length: 4, tooLong: 'refuse' })).toThrow(
      /row 1.*expected at most 4 tokens, found 6/,
    )
  })
})
