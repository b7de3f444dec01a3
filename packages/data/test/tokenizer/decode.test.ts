// Texts of token ids, against transformers (fixtures/make-decoding.py).

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createTokenizer } from '@cola/data'
import { describe, expect, it } from 'vitest'
import { references } from '../support/word-tokenizers.ts'

interface Kind {
  decoder: object
  rows: { ids: number[]; texts: Record<string, string> }[]
}

const kinds = JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/decoding.json'), 'utf8')) as Record<
  string,
  Kind
>

/** tokenizer_config.json's `clean_up_tokenization_spaces`. */
const settings: Readonly<Record<string, object>> = {
  absent: {},
  true: { clean_up_tokenization_spaces: true },
  false: { clean_up_tokenization_spaces: false },
}

describe.each(Object.entries(kinds))('%s', (name, { decoder, rows }) => {
  it.each(Object.entries(settings))('keeps the spaces that transformers keeps, clean_up %s', (setting, config) => {
    const tokenizer = createTokenizer({ ...references[name]?.tokenizer, decoder }, config)
    expect(rows.map(({ ids }) => tokenizer.decode(ids))).toEqual(rows.map(({ texts }) => texts[setting]))
  })
})
