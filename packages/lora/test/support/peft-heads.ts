// Tiny encoders, and adapters that PEFT trained of transformers' classes for them, as bytes: make-heads.py made them.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseSafetensors, type Tensor, toFloat32 } from '@cola/graph'

const fixtures = join(import.meta.dirname, '../fixtures/heads')
const bytes = (path: string) => new Uint8Array(readFileSync(join(fixtures, path)))
const json = (path: string) => JSON.parse(new TextDecoder().decode(bytes(path)))

/** Texts, and the token ids that transformers' tokenizer gives them, padded. */
export const { texts, input_ids } = json('texts.json') as { texts: string[]; input_ids: number[][] }

export type Bytes = Record<string, Uint8Array>

/** The files of a base; `config` changes its configuration. */
export const baseOf = (kind: string, config: object = {}): Bytes => ({
  ...Object.fromEntries(['tokenizer.json', 'tokenizer_config.json'].map((name) => [name, bytes(name)])),
  'model.onnx': bytes(`${kind}/model.onnx`),
  'config.json': new TextEncoder().encode(JSON.stringify({ ...json(`${kind}/config.json`), ...config })),
})

/** The two files of an adapter. */
export const adapterOf = (kind: string, name = 'adapter'): Bytes =>
  Object.fromEntries(
    ['adapter_config.json', 'adapter_model.safetensors'].map((file) => [file, bytes(`${kind}/${name}/${file}`)]),
  )

/** What PyTorch computes with an adapter. */
export const expectedOf = (kind: string, name = 'adapter'): ReadonlyMap<string, Tensor> =>
  parseSafetensors(bytes(`${kind}/${name}/expected.safetensors`), 'expected').tensors

export const values = (tensor: Tensor | undefined): Float32Array => toFloat32(tensor as Tensor)
