// Small tokenizers of five kinds, and what transformers' fast tokenizers make of words and texts (make-words.py).

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createTokenizer } from '@cola/data'

export interface Reference {
  tokenizer: object
  words: { words: string[]; input_ids: number[]; word_ids: (number | null)[] }[]
  texts: { text: string; input_ids: number[]; offsets: [number, number][] }[]
}

export const references = JSON.parse(
  readFileSync(join(import.meta.dirname, '../fixtures/words.json'), 'utf8'),
) as Record<string, Reference>

export const tokenizerOf = (name: string, config: object = {}) =>
  createTokenizer((references[name] as Reference).tokenizer, config)
