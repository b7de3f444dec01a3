// Files that are JSON and no tokenizer.

import { describe, expect, it } from 'vitest'
import { createTokenizer, DataError, memoryFiles, readTokenizer } from '../../src/index.ts'
import { wordLevel } from '../support/word-level.ts'

const words = wordLevel({ a: 0, '[UNK]': 1 }, '[UNK]')
const use = (json: unknown, config?: unknown) => createTokenizer(json as object, config as object).encode('a b')

describe('odd tokenizer files', () => {
  it.each<[string, unknown, unknown?]>([
    ['null', null],
    ['an array', []],
    ['a string', 'x'],
    ['null as its configuration', words, null],
    ['a number as its configuration', words, 5],
    ['a template without its parts', { ...words, post_processor: { type: 'TemplateProcessing' } }],
    ['a padding id that is no id', { ...words, padding: { pad_id: 'x' } }],
    ['a padding id below 0', { ...words, padding: { pad_id: -1 } }],
  ])('%s: a DataError', (_, json, config) => {
    expect(() => use(json, config)).toThrow(DataError)
  })

  it('refuses texts and ids of another type', () => {
    const tokenizer = createTokenizer(words)
    expect(() => tokenizer.encode(null as never)).toThrow(/text: not a text, expected a string, found null/)
    expect(() => tokenizer.decode(null as never)).toThrow(/ids: not an array/)
  })

  it.each([null, [], 5, 'x'])('refuses %j as a configuration file, naming it', async (config) => {
    const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))
    const files = memoryFiles({ 'tokenizer.json': json(words), 'tokenizer_config.json': json(config) })
    await expect(readTokenizer(files)).rejects.toThrow(/tokenizer_config\.json: not an object/)
  })

  // tokenizers 0.23: a Lowercase or BertNormalizer gives οδοσ of ΟΔΟΣ, and leaves ς.
  it.each([
    { type: 'Lowercase' },
    { type: 'Sequence', normalizers: [{ type: 'NFC' }, { type: 'Lowercase' }] },
    {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
  ])('lowercases a capital sigma at a word’s end as the tokenizers library does: $type', (normalizer) => {
    const greek = wordLevel({ οδοσ: 0, οδος: 1, '[UNK]': 2 }, '[UNK]')
    expect(createTokenizer({ ...greek, normalizer }).encode('ΟΔΟΣ οδος')).toEqual([0, 1])
    expect(createTokenizer(greek).encode('ΟΔΟΣ οδος')).toEqual([2, 1])
  })

  it('decodes no ids as an empty text', () => {
    expect(createTokenizer(words).decode([])).toBe('')
  })
})
