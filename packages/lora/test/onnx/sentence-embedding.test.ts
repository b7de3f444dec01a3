// Embeddings of exported models against sentence-transformers' Pooling and Normalize; tasks/make-sentence-embedding.py
// made the numbers.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { elements, type Graph, type Tensor, parseSafetensors } from '@cola/graph'
import { defaultDevice, type Batch, feedsOf, openSession, type OrtTensor } from '@cola/train'
import { describe, expect, it } from 'vitest'
import { folderAt, temporaryFolders } from '../../../../tools/test-folders.ts'
import { readAdapter } from '../../src/adapter/files.ts'
import { loadAdapter, openBase, type Pooling, withMaskedInputs } from '../../src/index.ts'
import { withSentenceEmbedding } from '../../src/tasks/embedding-output.ts'
import { exportFolder } from '../support/export-folder.ts'

const out = temporaryFolders()
const fixtures = join(import.meta.dirname, '../fixtures')
const expected = JSON.parse(readFileSync(join(fixtures, 'sentence-embedding.json'), 'utf8')) as Record<
  string,
  Record<Pooling, number[]>
>

async function run(graph: Graph, batch: Batch): Promise<Record<string, OrtTensor>> {
  const session = await openSession({ graph }, defaultDevice())
  const results = await session.run(feedsOf(graph, graph.inputs, batch).feeds)
  await session.release()
  return results as Record<string, OrtTensor>
}

describe.each(Object.keys(expected))('%s', (key) => {
  const [name, part] = key.split(' ') as [string, 'hidden' | 'adapted']
  const inputs = parseSafetensors(
    new Uint8Array(readFileSync(join(fixtures, 'exports', name, 'expected.safetensors'))),
  ).tensors
  const batch = Object.fromEntries(
    ['input_ids', 'attention_mask'].map((input) => {
      const value = inputs.get(input) as Tensor
      return [input, { data: elements(value) as BigInt64Array, dims: value.dims }]
    }),
  )
  it.each(['first', 'mean', 'last'] as const)('read by %s', async (pooling) => {
    const base = await openBase(exportFolder(out, name))
    const model = withSentenceEmbedding(base.hiddenStates(), pooling)
    const adapter = () => readAdapter(folderAt(join(fixtures, 'exports', name, 'adapter')))
    const { graph } = part === 'adapted' ? loadAdapter(model, adapter()) : model
    const { sentence_embedding } = await run(withMaskedInputs({ graph, trainable: new Set() }), batch)
    expect(sentence_embedding?.data as Float32Array).toBeAllclose(expected[key]?.[pooling] as number[], { atol: 1e-5 })
  })
  it('with the hidden states beside them', async () => {
    const base = await openBase(exportFolder(out, name))
    for (const pooling of ['mean', 'last'] as const) {
      const { graph } = withSentenceEmbedding(base.hiddenStates(), pooling, { tokens: true })
      expect(graph.outputs).toEqual(['last_hidden_state', 'sentence_embedding'])
      const results = await run(withMaskedInputs({ graph, trainable: new Set() }), batch)
      expect(results.last_hidden_state?.dims).toEqual([3, 7, 8])
      if (part === 'adapted') continue
      const wanted = expected[key]?.[pooling] as number[]
      expect(results.sentence_embedding?.data as Float32Array).toBeAllclose(wanted, { atol: 1e-5 })
    }
  })
})
