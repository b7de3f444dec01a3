// The decoders of tools/parity/fixtures as repositories, with a tokenizer of whole words.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The folder of the parity cases. */
export const decoders = join(import.meta.dirname, '../../../../tools/parity/fixtures')

export const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))
export const parsed = (bytes: Uint8Array): Record<string, unknown> => JSON.parse(new TextDecoder().decode(bytes))
export const read = (path: string): Uint8Array => new Uint8Array(readFileSync(path))

/** A tokenizer.json of whole words, `w0` to the last. */
export const wordTokenizer = (words: number, unk_token = 'w3') => ({
  version: '1.0',
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: { type: 'WhitespaceSplit' },
  post_processor: null,
  decoder: null,
  model: {
    type: 'WordLevel',
    vocab: Object.fromEntries(Array.from({ length: words }, (_, i) => [`w${i}`, i])),
    unk_token,
  },
})

/** The files of a decoder, such as `decoder-qwen3`, whose tokenizer has so many words and the end token `w2`. */
export const decoderFiles = (name: string, words = 40) => ({
  'config.json': read(join(decoders, name, 'config.json')),
  'onnx/model.onnx': read(join(decoders, name, 'onnx/model.onnx')),
  'tokenizer.json': json(wordTokenizer(words)),
  'tokenizer_config.json': json({ eos_token: 'w2' }),
})
