// Heads of transformers' classes on models that two exporters wrote with heads of their own: the layers that PEFT's
// adapters leave as they are, such as poolers, are those of the file, and logits are PEFT's.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openFiles } from '@cola/data'
import { parseSafetensors, type Tensor, toFloat32 } from '@cola/graph'
import { feedsOf, openSession, type OrtTensor, paddedBatches } from '@cola/train'
import { describe, expect, it } from 'vitest'
import { loadAdapter, openAdapter, readOnnxModel, transformersHead, withHead } from '../../src/index.ts'

const exports = join(import.meta.dirname, '../fixtures/exports')
const names = [
  'albert-seq-torchscript',
  'albert-wide-seq-dynamo',
  'bert-biases-seq-dynamo',
  'bert-seq-dynamo',
  'bert-seq-torchscript',
  'distilbert-seq-torchscript',
  'roberta-seq-dynamo',
]

describe('heads of transformers’ on exports with heads', () => {
  it.each(names)('%s', async (name) => {
    const bytes = (file: string) => new Uint8Array(readFileSync(join(exports, name, file)))
    const config = JSON.parse(new TextDecoder().decode(bytes('config.json'))) as { model_type: string }
    const files = await openFiles({ 'model.onnx': bytes('model.onnx') })
    const adapter = await openAdapter(
      Object.fromEntries(
        ['adapter_config.json', 'adapter_model.safetensors'].map((file) => [file, bytes(`adapter/${file}`)]),
      ),
    )
    const expected = parseSafetensors(bytes('expected.safetensors'), name).tensors
    const read = (key: string) => [...toFloat32(expected.get(key) as Tensor)]
    const columns = expected.get('input_ids')?.dims[1] as number
    const mask = read('attention_mask')
    const rows = [0, 1, 2].map((row) => ({
      input_ids: read('input_ids')
        .slice(row * columns, (row + 1) * columns)
        .filter((_, at) => mask[row * columns + at]),
    }))
    const model = readOnnxModel(files, 'model.onnx', config)
    const head = transformersHead(config)
    const { graph } = loadAdapter(withHead(model, { num_labels: 3, ...head } as never), adapter)
    const session = await openSession({ graph }, 'cpu')
    const { feeds } = feedsOf(graph, graph.inputs, paddedBatches(graph, { pad_token_id: 1 })(rows))
    const { logits } = await session.run(feeds)
    expect((logits as OrtTensor).data).toBeAllclose(read('adapted'), { atol: 1e-5 })
    await session.release()
  })
})
