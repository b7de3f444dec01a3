// Fixtures of tokenizers that truncate (make-truncation.py).

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createTokenizer } from '@cola/data'

export const fixture = <Content>(name: string): Content =>
  JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures', name), 'utf8')) as Content

export type Texts = [text: string, pair: string | null, cases: Record<string, string>][]
export const references = fixture<Record<string, { tokenizer: object; texts: Texts }>>('truncation.json')

export const tokenizerOf = (name: string, changes: object = {}, config: object = {}) =>
  createTokenizer({ ...(references[name] as { tokenizer: object }).tokenizer, ...changes }, config)
