// Words and their tokens, against transformers' fast tokenizers (fixtures/make-words.py).

import { DataError, divideWords, encodeWords, type TextRange } from '@cola/data'
import { describe, expect, it } from 'vitest'
import { references, tokenizerOf, type Reference } from '../support/word-tokenizers.ts'

/**
 * What transformers' offsets say of a word: its tokens, with one for the space before it, which is_split_into_words
 * gives to the word too; undefined where a token lies across the word's edge.
 */
function tokensOf(word: TextRange, text: string, { input_ids, offsets }: Reference['texts'][number]) {
  const from = text[word.start - 1] === ' ' ? word.start - 1 : word.start
  const over = offsets.flatMap(([start, end], i) => (start < word.end && end > from ? [i] : []))
  const parted = over.every((i) => {
    const [start, end] = offsets[i] as [number, number]
    return end <= word.end && text.slice(start, Math.max(start, word.start)).trim() === ''
  })
  return parted ? over.map((i) => input_ids[i]) : undefined
}

describe.each(Object.entries(references))('%s', (name, { words, texts }) => {
  const tokenizer = tokenizerOf(name)

  it('encodes words like transformers with is_split_into_words', () => {
    const { rows, truncated } = encodeWords(tokenizer, words)
    expect(rows).toEqual(words.map(({ input_ids, word_ids }) => ({ input_ids, word_ids })))
    expect(truncated).toBe(0)
  })

  it.each(['all', 'edges'] as const)('gives words the tokens of the whole text: punctuation %s', (which) => {
    for (const reference of texts) {
      const { text } = reference
      const ranges = divideWords(text, which)
      const [row] = encodeWords(tokenizer, [{ text, ranges }]).rows
      const { input_ids, word_ids } = row as NonNullable<typeof row>
      const expected = ranges.map((range) => tokensOf(range, text, reference))
      ranges.forEach((range, word) => {
        const own = input_ids.filter((_, i) => word_ids[i] === word)
        const what = JSON.stringify([text, text.slice(range.start, range.end)])
        if (expected[word]) expect(own, what).toEqual(expected[word])
        else expect(own.length, what).toBeGreaterThan(0)
      })
      if (expected.every(Boolean)) expect(input_ids, text).toEqual(reference.input_ids)
    }
  })
})

it.each(Object.keys(references))('%s gives every word of a long text without spaces a token', (name) => {
  const text = '東京へ行く、そして大阪に帰る。'.repeat(12)
  const ranges = divideWords(text)
  const [row] = encodeWords(tokenizerOf(name), [{ text, ranges }]).rows
  expect(new Set(row?.word_ids.filter((word) => word !== null)).size).toBe(ranges.length)
})

describe('too many words', () => {
  const words = ['Angela', 'Merkel', 'met', 'Obama']
  const encode = (max_length: number, options: object = {}) =>
    encodeWords(tokenizerOf('wordpiece'), [{ words }], { max_length, ...options })
  const whole = encode(100).rows[0] as { word_ids: readonly (number | null)[]; input_ids: readonly number[] }
  const counted = words.map((_, word) => whole.word_ids.filter((id) => id === word).length)

  it('are truncated between words; special tokens stay', () => {
    expect(counted.every((count) => count > 1)).toBe(true)
    for (let max_length = 3; max_length < whole.input_ids.length; max_length++) {
      const { rows, truncated } = encode(max_length)
      const { input_ids, word_ids } = rows[0] as typeof whole
      expect(truncated).toBe(1)
      expect([input_ids[0], input_ids.at(-1), word_ids[0], word_ids.at(-1)]).toEqual([2, 3, null, null])
      const kept = word_ids.filter((word) => word !== null)
      expect(input_ids.slice(1, -1)).toEqual(whole.input_ids.slice(1, kept.length + 1))
      const last = kept.at(-1) as number
      if (last > 0) expect(kept.filter((word) => word === last).length).toBe(counted[last])
      expect(input_ids.length).toBeLessThanOrEqual(max_length)
    }
    expect(encode(whole.input_ids.length).truncated).toBe(0)
  })
  it('are truncated on the left by the tokenizer’s setting or by the option', () => {
    const { rows } = encode(6, { truncation_side: 'left' })
    const { word_ids } = rows[0] as typeof whole
    expect(new Set(word_ids)).toEqual(new Set([null, 3]))
    const left = encodeWords(tokenizerOf('wordpiece', { truncation_side: 'left' }), [{ words }], { max_length: 6 })
    expect(left.rows).toEqual(rows)
  })
  it('keep the first tokens of a word that is too long alone', () => {
    expect(encode(3).rows[0]).toEqual({ input_ids: [2, whole.input_ids[1], 3], word_ids: [null, 0, null] })
  })
  it('are refused with tooLong: refuse', () => {
    expect(() => encode(5, { tooLong: 'refuse', where: 'train' })).toThrow(/train, row 1: longer than the model takes/)
  })
  it('are an error if max_length leaves no room, as for texts', () => {
    expect(() => encode(1)).toThrow(/max_length/)
  })
})

describe('refuses', () => {
  it.each([
    [[], /train, row 2, field "words": no words/],
    ['a b', /train, row 2, field "words": no words.*found "a b"/],
    [['a', ''], /train, row 2, field "words", word 2: an empty word/],
    [['a', ' '], /word 2: an empty word/],
    [['a', 5], /word 2: not a word, expected.*found 5/],
    [undefined, /field "words": no words.*found nothing/],
  ])('words %j', (words, message) => {
    const rows = [{ words: ['a'] }, { words: words as string[] }]
    const run = () => encodeWords(tokenizerOf('wordpiece'), rows, { where: 'train' })
    expect(run).toThrow(DataError)
    expect(run).toThrow(message)
  })
  it('an id without a row in the embedding table', () => {
    expect(() => encodeWords(tokenizerOf('gpt2'), [{ words: ['cats'] }], { vocab_size: 5 })).toThrow(
      /rows, row 1: a token id without a row in the embedding table/,
    )
  })
})
