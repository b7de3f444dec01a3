// An encoder as the hub has them, for tests: config.json, tokenizer.json and onnx/model.onnx.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { prune, readModel, writeModel } from '@cola/graph'
import { root } from './root.ts'

/** Files by path: hidden states, a tokenizer of letters. Its weights are those of a parity case. */
export function tinyEncoder(): Record<string, Uint8Array> {
  const graph = readModel(readFileSync(join(root, 'tools/parity/fixtures/onnx-bert/model.onnx')))
  graph.outputs = [graph.nodes.findLast(({ opType }) => opType === 'LayerNormalization')?.outputs[0] as string]
  prune(graph)
  const letters = [...'abcdefghijklmnopqrstuvwxyz,.!'].flatMap((letter) => [letter, `##${letter}`])
  const vocab = Object.fromEntries(['[PAD]', '[UNK]', '[CLS]', '[SEP]', ...letters].map((token, id) => [token, id]))
  const special = (id: string) => ({ SpecialToken: { id, type_id: 0 } })
  const tokenizer = {
    version: '1.0',
    added_tokens: [],
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [special('[CLS]'), { Sequence: { id: 'A', type_id: 0 } }, special('[SEP]')],
      pair: [
        special('[CLS]'),
        { Sequence: { id: 'A', type_id: 0 } },
        special('[SEP]'),
        { Sequence: { id: 'B', type_id: 1 } },
      ],
      special_tokens: Object.fromEntries(['[CLS]', '[SEP]'].map((id) => [id, { id, ids: [vocab[id]], tokens: [id] }])),
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab,
    },
  }
  const config = { model_type: 'bert', max_position_embeddings: 32, pad_token_id: 0 }
  const text = (value: object) => new TextEncoder().encode(JSON.stringify(value))
  return { 'config.json': text(config), 'tokenizer.json': text(tokenizer), 'onnx/model.onnx': writeModel(graph) }
}
