import { encodeRows, encodeTexts } from '@cola/data'
import { describe, expect, it } from 'vitest'
import { tokenizerOf } from '../support/truncated-tokenizers.ts'

describe('rows', () => {
  const tokenizer = tokenizerOf('bert')
  it('have token types of pairs, and the number of truncated ones', () => {
    const rows = [
      { text: 'a b', text_pair: 'c d e', label: 1 },
      { text: 'a', label: 0 },
    ]
    expect(encodeRows(tokenizer, rows, { max_length: 6 })).toEqual({
      rows: [
        { input_ids: [0, 4, 1, 6, 7, 1], token_type_ids: [0, 0, 0, 1, 1, 1], label: 1 },
        { input_ids: [0, 4, 1], label: 0 },
      ],
      truncated: 1,
    })
    expect(() => encodeRows(tokenizer, rows, { max_length: 6, tooLong: 'refuse' })).toThrow(
      /row 1, "a b": .*at most 6 tokens, found 8/,
    )
  })
  it('refuse ids without a row in the embedding table, naming the row', () => {
    expect(() => encodeTexts(tokenizer, ['a', 'a b c'], { vocab_size: 6 })).toThrow(
      /row 2, "a b c": a token id without a row.*expected 0 to 5, found 6/,
    )
    for (const bad of [null, 7, { text: null }, { text: 'a', text_pair: 3 }] as never[])
      expect(() => encodeTexts(tokenizer, ['a', bad])).toThrow(/row 2: not a text/)
    const words = { encode: (text: string) => (text ? [3] : []) }
    expect(() => encodeTexts(words, ['a', ''])).toThrow(/row 2, "": a text without tokens/)
    expect(encodeTexts(words, ['a', ''], { pad_token_id: 0 }).rows).toEqual([{ input_ids: [3] }, { input_ids: [0] }])
    expect(() => encodeTexts({ encode: () => [3, -1] }, ['a'])).toThrow(/row 1, "a": .*found -1/)
  })
})
