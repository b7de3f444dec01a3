import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  createTokenizer,
  DataError,
  encodeRows,
  encodeTexts,
  longestInput,
  padTokenId,
  type TruncationSide,
  type TruncationStrategy,
} from '@cola/data'
import { describe, expect, it } from 'vitest'

const fixture = <Content>(name: string): Content =>
  JSON.parse(readFileSync(join(import.meta.dirname, 'fixtures', name), 'utf8')) as Content

type Texts = [text: string, pair: string | null, cases: Record<string, string>][]
const references = fixture<Record<string, { tokenizer: object; texts: Texts }>>('truncation.json')
const tokenizerOf = (name: string, changes: object = {}, config: object = {}) =>
  createTokenizer({ ...(references[name] as { tokenizer: object }).tokenizer, ...changes }, config)

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
    expect(() => tokenizerOf('bert').encode('a', { max_length })).toThrow(
      /max_length.*expected an integer of at least 2/,
    )
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
    expect(() => encodeRows(tokenizer, rows, { max_length: 6, too_long: 'refuse' })).toThrow(
      /row 1, "a b": .*at most 6 tokens, found 8/,
    )
  })
  it('refuse ids without a row in the embedding table, naming the row', () => {
    expect(() => encodeTexts(tokenizer, ['a', 'a b c'], { vocab_size: 6 })).toThrow(
      /row 2, "a b c": a token id without a row.*expected 0 to 5, found 6/,
    )
    for (const bad of [null, 7, { text: null }, { text: 'a', text_pair: 3 }] as never[])
      expect(() => encodeTexts(tokenizer, ['a', bad])).toThrow(/row 2: not a text/)
    expect(() => encodeTexts({ encode: () => [3, -1] }, ['a'])).toThrow(/row 1, "a": .*found -1/)
  })
})

describe('vocabulary', () => {
  const added = (id: number, content: string) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  })
  const of: Record<string, object> = {
    WordLevel: {},
    WordPiece: { continuing_subword_prefix: '##', max_input_chars_per_word: 100 },
    BPE: { merges: [] },
    Unigram: { unk_id: 0 },
  }
  const json = (vocab: object, added_tokens: object[], type = 'WordLevel') => ({
    version: '1.0',
    added_tokens,
    normalizer: null,
    pre_tokenizer: { type: 'WhitespaceSplit' },
    post_processor: null,
    decoder: null,
    model: { type, unk_token: '<unk>', vocab, ...of[type] },
  })
  it('counts added tokens and holes', () => {
    for (const type of ['WordLevel', 'WordPiece', 'BPE']) {
      expect(
        createTokenizer(json({ '<unk>': 0, the: 1 }, [added(5, '<bos>'), added(2, '<eos>')], type)).vocabSize,
      ).toBe(6)
      expect(createTokenizer(json({ '<unk>': 0, the: 9 }, [], type)).vocabSize).toBe(10)
    }
    const pieces = ['<unk>', 'the', 'cat'].map((piece) => [piece, -1])
    expect(createTokenizer(json(pieces, [added(3, '<pad>')], 'Unigram')).vocabSize).toBe(4)
  })
  it('encodes unknown words as the unknown token, and refuses them without one', () => {
    expect(createTokenizer(json({ '<unk>': 0, the: 1 }, [])).encode('the dog')).toEqual([1, 0])
    expect(() => createTokenizer(json({ the: 1 }, [])).encode('the dog')).toThrow(
      /text "the dog": a token that is not in the vocabulary.*"dog"/,
    )
  })
})

describe('limits of a model in config.json', () => {
  const models =
    fixture<{ config: Record<string, unknown>; longest: number; pad_token_id: number | null }[]>('longest.json')
  it.each(
    models.map((model) => [`${model.config.model_type}, pad_token_id ${model.config.pad_token_id}`, model] as const),
  )('longest input as in transformers: %s', (_, { config, longest, pad_token_id }) => {
    expect(longestInput(config)).toBe(longest)
    // A configuration without the field has its class's default.
    if (pad_token_id === config.pad_token_id) expect(longestInput({ ...config, pad_token_id: undefined })).toBe(longest)
  })
  it('longest input: at most the limit of the tokenizer', () => {
    const roberta = { model_type: 'roberta', max_position_embeddings: 514, pad_token_id: 1 }
    const limited = (model_max_length?: number, truncation?: object) =>
      tokenizerOf('bert', { truncation: truncation ?? null }, { model_max_length })
    expect(longestInput(roberta)).toBe(512)
    expect(longestInput(roberta, limited(128))).toBe(128)
    expect(longestInput(roberta, limited(1e30))).toBe(512)
    expect(longestInput({ model_type: 'distil-rnn' }, limited(1e30))).toBe(Number.POSITIVE_INFINITY)
    // transformers takes model_max_length before the truncation of tokenizer.json.
    const truncation = { direction: 'Right', max_length: 64, strategy: 'LongestFirst', stride: 0 }
    expect(longestInput(roberta, limited(256, truncation))).toBe(256)
    expect(longestInput(roberta, limited(undefined, truncation))).toBe(64)
    expect(longestInput({ model_type: 'xlnet', max_position_embeddings: -1 })).toBe(Number.POSITIVE_INFINITY)
    expect(longestInput({ model_type: 'gemma3', text_config: { max_position_embeddings: 32 } })).toBe(32)
  })
  it('padding: the first end token without pad_token_id', () => {
    expect(padTokenId({ pad_token_id: 0, eos_token_id: 2 })).toBe(0)
    expect(padTokenId({ eos_token_id: [128001, 128009] })).toBe(128001)
    expect(padTokenId({ pad_token_id: null, eos_token_id: 7 })).toBe(7)
    expect(padTokenId({ pad_token_id: -1, eos_token_id: [5] })).toBe(5)
    expect(padTokenId({}, { padTokenId: 3 })).toBe(3)
    expect(padTokenId({})).toBe(0)
    expect(padTokenId({ pad_token_id: 32000, eos_token_id: 2 }, undefined, 32000)).toBe(2)
  })
})
