// A fine-tuning without a path: the base comes from bytes or picked files, what is written stays in memory and is
// opened again.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { folderFiles, memorySink, type Source } from '@cola/data'
import { type Classifier, loadClassifier } from '@cola/train'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readAdapter } from '../../src/adapter/files.ts'
import { type FineTuned, fineTune, loadFineTuned, openAdapter, openBase, openGenerator } from '../../src/index.ts'
import { exportFolder } from '../support/export-folder.ts'

const out = mkdtempSync(join(tmpdir(), 'cola-sources-'))
afterAll(() => rmSync(out, { recursive: true }))
const embedded = join(import.meta.dirname, '../../../../examples/model')
const bytesOf = (folder: string) => {
  const files = folderFiles(folder)
  return new Map(files.names().map((name) => [name, files.read(name) as Uint8Array<ArrayBuffer>]))
}
const picked = (folder: string) =>
  [...bytesOf(folder)].map(([name, bytes]) => {
    const file = new File([bytes], name.split('/').at(-1) as string)
    return Object.defineProperty(file, 'webkitRelativePath', { value: `picked/${name}` })
  })
const rows = [
  ...['the cats sleep', 'the dogs sleep', 'the girls laugh', 'the boys laugh'].map((text) => ({ text, label: 'many' })),
  ...['the cat sleeps', 'the dog sleeps', 'the girl laughs', 'the boy laughs'].map((text) => ({ text, label: 'one' })),
]
const texts = ['the girls sleep', 'the girl sleeps']

describe.each([
  ['GPT-2’s weights as bytes', () => bytesOf(embedded)],
  [
    'an exported encoder that was picked',
    () => picked(exportFolder((name) => join(out, name), 'bert-bare-torchscript')),
  ],
] as [string, () => Source][])('%s', (_, source) => {
  let tuned: FineTuned
  beforeAll(async () => {
    tuned = await fineTune(source(), { train: rows, epochs: 2, batch_size: 4, device: 'cpu' })
  })
  afterAll(() => tuned.release())

  it('is fine-tuned, saved to memory and opened again', async () => {
    const saved = memorySink()
    await tuned.save(saved)
    expect(saved.names()).toEqual(
      expect.arrayContaining(['adapter_config.json', 'adapter_model.safetensors', 'fine_tuned.json', 'tokenizer.json']),
    )
    const again = await loadFineTuned(saved, { base: source(), device: 'cpu' })
    const [expected, found] = [await tuned.classify(texts), await again.classify(texts)]
    expect(found.map(({ label }) => label)).toEqual(expected.map(({ label }) => label))
    expect(found.flatMap(({ probabilities }) => probabilities)).toBeAllclose(
      expected.flatMap(({ probabilities }) => probabilities),
      { atol: 1e-5 },
    )
    await again.release()
    expect([...readAdapter(saved).tensors.keys()]).toEqual([...(await openAdapter(saved)).tensors.keys()])
  })

  it.each(['flat', 'hub'] as const)('is exported to memory (%s) and classifies from there', async (layout) => {
    const exported = memorySink()
    await tuned.export(exported, { layout })
    const classifier: Classifier = await loadClassifier(exported, { device: 'cpu' })
    expect(Array.from(await classifier.logits(texts))).toBeAllclose(Array.from(await tuned.logits(texts)), {
      atol: 1e-4,
    })
    expect(classifier.fingerprint()).toMatch(/^[0-9a-f]{64}$/)
    await classifier.release()
  })
})

it('names what bytes lack', async () => {
  const bytes = bytesOf(embedded)
  bytes.delete('tokenizer.json')
  await expect(openBase(bytes)).rejects.toThrow(/memory\/tokenizer\.json: no such file, found config\.json/)
  await expect(openBase({ 'config.json': readFileSync(join(embedded, 'config.json')) })).rejects.toThrow(
    /no weights, expected model\.safetensors/,
  )
  await expect(loadFineTuned(bytes)).rejects.toThrow(/no fine_tuned\.json: not the folder of a fine-tuned model/)
  await expect(openAdapter(bytes)).rejects.toThrow(/memory\/adapter_config\.json: no such file/)
})

it('tells an address at which a server of an app gives its page', async () => {
  const server = createServer((_, response) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype'),
  )
  await new Promise<void>((done) => server.listen(0, done))
  const source = `http://localhost:${(server.address() as AddressInfo).port}/adaptr`
  const cacheDir = join(out, 'cache')
  const adapters = { poet: source }
  try {
    for (const open of [
      () => loadFineTuned(source, { cacheDir }),
      () => openAdapter(source, { cacheDir }),
      () => openBase(source, { cacheDir }),
      () => openGenerator(bytesOf(embedded), { adapters, cacheDir }),
      () => loadClassifier(source, { cacheDir }),
    ])
      await expect(open()).rejects.toThrow(/adaptr\/.*an HTML page in place of the file\. The server has no such file/)
  } finally {
    server.close()
  }
})
