import { createTokenizer } from '@cola/data'
import { describe, expect, it } from 'vitest'
import { tokenizerOf } from '../support/word-tokenizers.ts'

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

it('texts without special tokens', () => {
  const tokenizer = tokenizerOf('wordpiece')
  const ids = tokenizer.encode('cats sleep')
  expect(tokenizer.encode('cats sleep', { add_special_tokens: false })).toEqual(ids.slice(1, -1))
  expect(tokenizer.buildInputs(ids.slice(1, -1))).toEqual({
    input_ids: ids,
    token_type_ids: ids.map(() => 0),
    start: 1,
  })
  const pair = tokenizer.encodePlus('cats', { text_pair: 'sleep', add_special_tokens: false })
  expect(pair.input_ids).toEqual(ids.slice(1, -1))
  expect(pair.token_type_ids.at(-1)).toBe(1)
})
