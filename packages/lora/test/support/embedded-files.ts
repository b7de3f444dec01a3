// The embedded GPT-2 as files, with a tokenizer_config.json of one's own; in Node and in a browser.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { json, parsed, read } from './decoder-files.ts'

const folder = join(import.meta.dirname, '../../../../examples/model')

/** Conversations and their tokens as transformers has them (make-causal-lm.py). */
export const { chat_template, cases } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../fixtures/causal-lm.json'), 'utf8'),
) as {
  chat_template: string
  cases: { form: string; rows: object[]; options: object; examples: { input_ids: number[]; labels: number[] }[] }[]
}

/** @param config Fields that tokenizer_config.json has beside its own; those that are undefined go. */
export const embeddedFiles = (config: object = {}): Record<string, Uint8Array> => ({
  ...Object.fromEntries(
    ['config.json', 'model.safetensors', 'tokenizer.json'].map((name) => [name, read(join(folder, name))]),
  ),
  'tokenizer_config.json': json({ ...parsed(read(join(folder, 'tokenizer_config.json'))), ...config }),
})
