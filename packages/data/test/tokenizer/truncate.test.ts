import { DataError, encodeTexts, type TruncationSide, type TruncationStrategy } from '@cola/data'
import { describe, expect, it } from 'vitest'
import { references, tokenizerOf, type Texts } from '../support/truncated-tokenizers.ts'

describe('truncation', () => {
  it.each(Object.keys(references))('agrees with the tokenizers library: %s', (name) => {
    const { encodePlus, encode } = tokenizerOf(name)
    for (const [text, pair, cases] of (references[name] as { texts: Texts }).texts) {
      for (const [key, right] of Object.entries(cases)) {
        const [length, side, strategy] = key.split(' ') as [string, TruncationSide, TruncationStrategy]
        const options = {
          text_pair: pair ?? undefined,
          ...(key ? { max_length: Number(length), truncation_side: side, truncation_strategy: strategy } : {}),
        }
        const what = JSON.stringify([text, pair, key])
        if (right === 'refused') expect(() => encodePlus(text, options), what).toThrow(DataError)
        else {
          const { input_ids, token_type_ids } = encodePlus(text, options)
          expect(`${input_ids.join(' ')} | ${token_type_ids.join('')}`, what).toBe(right)
          expect(encode(text, options)).toEqual(input_ids)
        }
      }
    }
  })
  it('reads side and strategy from tokenizer.json, the side first from tokenizer_config.json; does not pad', () => {
    const padding = {
      strategy: { Fixed: 12 },
      direction: 'Right',
      pad_to_multiple_of: null,
      pad_id: 2,
      pad_type_id: 0,
      pad_token: '<pad>',
    }
    const json = { truncation: { direction: 'Left', max_length: 4, strategy: 'OnlySecond', stride: 0 }, padding }
    const left = tokenizerOf('bert', json)
    expect(left.encode('a b c d e f')).toEqual([0, 4, 5, 6, 7, 8, 9, 1])
    expect(left.encode('a b c d e f', { max_length: 4 })).toEqual([0, 8, 9, 1])
    expect(left.encode('a b', { text_pair: 'c d e', max_length: 6 })).toEqual([0, 4, 5, 1, 8, 1])
    expect(left.padTokenId).toBe(2)
    expect(tokenizerOf('bert', json, { truncation_side: 'right' }).encode('a b c d e f', { max_length: 4 })).toEqual([
      0, 4, 5, 1,
    ])
    expect(() => tokenizerOf('bert', {}, { truncation_side: 'middle' })).toThrow(
      /truncation_side: not known, expected left, right.*found middle/,
    )
  })
  it.each([0, 1, 2.5, Number.NaN, -1])('refuses a max_length of %s', (max_length) => {
    const expected = max_length === 1 ? /max_length.*expected an integer of at least 2/ : /option max_length/
    expect(() => tokenizerOf('bert').encode('a', { max_length })).toThrow(expected)
    if (max_length !== 1) expect(() => encodeTexts({ encode: () => [1] }, ['a'], { max_length })).toThrow(/max_length/)
  })
  it('refuses a pair without a template for pairs', () => {
    const post_processor = {
      type: 'TemplateProcessing',
      single: [{ Sequence: { id: 'A', type_id: 0 } }],
      pair: [],
      special_tokens: {},
    }
    expect(tokenizerOf('bert', { post_processor }).encode('a b')).toEqual([4, 5])
    expect(() => tokenizerOf('bert', { post_processor }).encode('a', { text_pair: 'b' })).toThrow(
      /post_processor: no place for both texts/,
    )
  })
})
