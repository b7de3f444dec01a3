import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { feedsOf, paddedBatches } from '@cola/train'
import { expect, it } from 'vitest'
import { hubServer } from '../../../../tools/hub-server.ts'
import { temporaryFolders } from '../../../../tools/test-folders.ts'
import { openOnnxModel } from '../../src/index.ts'

it('an exported encoder comes from a hub too, the first of several files', async () => {
  const root = join(import.meta.dirname, '../../../..')
  const read = (path: string) => readFileSync(join(root, path))
  const files = {
    'config.json': Buffer.from('{"model_type":"bert","max_position_embeddings":32,"pad_token_id":0}'),
    'tokenizer.json': read('examples/model/tokenizer.json'),
    'tokenizer_config.json': read('examples/model/tokenizer_config.json'),
    'onnx/model.onnx': read('tools/parity/fixtures/onnx-bert/model.onnx'),
    'onnx/model_quantized.onnx': new Uint8Array(9),
  }
  const hub = await hubServer(files, 'd'.repeat(40))
  const cacheDir = temporaryFolders()('cache') as string
  const opened = await openOnnxModel('someone/bert', { endpoint: hub.endpoint, cacheDir })
  expect(opened.config.model_type).toBe('bert')
  const { graph } = opened.model
  expect(
    feedsOf(
      graph,
      graph.inputs,
      paddedBatches(graph)([
        [5, 6, 7, 8],
        [9, 10],
      ]),
    ).symbols.get('sequence'),
  ).toBe(4)
  await hub.close()
})
