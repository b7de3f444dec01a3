// Tiny models with their tokenizers, in folders that fineTune opens.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { copyFolder, type Folder, folderAt, writeText } from '../../../../tools/test-folders.ts'

const exports = join(import.meta.dirname, '../fixtures/exports')

export const exportNames = readdirSync(exports)

/** A copy, in a folder of its own, of a model that another tool exported; its tokenizer has a few words, [CLS] and [SEP]. */
export function exportFolder<F extends Folder>(out: (name: string) => F, name: string): F {
  const folder = out(`models-${name}`)
  copyFolder(folderAt(join(exports, name)), folder, ['model.onnx', 'config.json'])
  const words = [
    '[PAD]',
    '[UNK]',
    '[CLS]',
    '[SEP]',
    'the',
    'cat',
    'cats',
    'dog',
    'girl',
    'girls',
    'boys',
    'sleep',
    'sleeps',
    'laugh',
  ]
  const piece = (id: string, type_id: number) =>
    id.length > 1 ? { SpecialToken: { id, type_id } } : { Sequence: { id, type_id } }
  const special = (id: string) => [id, { id, ids: [words.indexOf(id)], tokens: [id] }]
  const tokenizer = {
    version: '1.0',
    added_tokens: words.slice(0, 4).map((content, id) => ({ id, content, special: true, normalized: false })),
    normalizer: null,
    pre_tokenizer: { type: 'Whitespace' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [piece('[CLS]', 0), piece('A', 0), piece('[SEP]', 0)],
      pair: [piece('[CLS]', 0), piece('A', 0), piece('[SEP]', 0), piece('B', 1), piece('[SEP]', 1)],
      special_tokens: Object.fromEntries(['[CLS]', '[SEP]'].map(special)),
    },
    decoder: null,
    model: { type: 'WordLevel', unk_token: '[UNK]', vocab: Object.fromEntries(words.map((word, id) => [word, id])) },
  }
  writeText(folder, 'tokenizer.json', JSON.stringify(tokenizer))
  writeText(folder, 'tokenizer_config.json', JSON.stringify({ pad_token: '[PAD]' }))
  return folder
}
