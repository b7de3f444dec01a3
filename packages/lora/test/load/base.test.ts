// Files of models in other places, of other formats, or missing.

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { elements, externalChunks, layoutExternal, readModel, type Tensor, writeModel } from '@cola/graph'
import { externalDataOf, loadClassifier, readSafetensorsFile } from '@cola/train'
import { readTokenizer } from '@cola/data'
import { afterAll, describe, expect, it } from 'vitest'
import { hubServer } from '../../../../tools/hub-server.ts'
import { readAdapter } from '../../src/adapter/files.ts'
import { exportMerged, fineTune, loadPretrained, openAdapter, openBase, openOnnxModel } from '../../src/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'cola-places-'))
afterAll(() => rmSync(folder, { recursive: true }))
const root = join(import.meta.dirname, '../../../..')
const gpt2 = join(root, 'examples/model')
const adapter = join(root, 'tools/parity/fixtures/peft-default/adapter')
const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'4'.repeat(64)}\nsize 90387630\n`
/** A copy of a folder in which a file is another. */
function changed(name: string, from: string, file: string, content: string | undefined, under = file): string {
  const path = join(folder, name)
  cpSync(from, path, { recursive: true })
  rmSync(join(path, file))
  if (content !== undefined) writeFileSync(join(path, under), content)
  return path
}

describe('external data', () => {
  it('comes from the hub in as many files as the model names, wherever they lie beside it', async () => {
    const local = join(folder, 'llama')
    mkdirSync(join(local, 'onnx'), { recursive: true })
    for (const file of ['tokenizer.json', 'tokenizer_config.json']) cpSync(join(gpt2, file), join(local, file))
    writeFileSync(join(local, 'config.json'), '{"model_type":"llama"}')
    cpSync(join(root, 'tools/parity/fixtures/onnx-llama-dynamo/model.onnx'), join(local, 'onnx/model.onnx'))
    const { model } = await openOnnxModel(local)
    // Every initializer in one of three files, as writers of exports above 2 GB lay them out.
    const locations = ['model.onnx_data', 'model.onnx_data_1', 'parts/rest.bin']
    const data = locations.map(() => [] as Uint8Array[])
    const external = new Map(
      [...model.graph.initializers].map(([name, tensor], i) => {
        const part = data[i % 3] as Uint8Array[]
        const offset = part.reduce((sum, { length }) => sum + length, 0)
        part.push(tensor.bytes().slice())
        return [name, { location: locations[i % 3] as string, offset }]
      }),
    )
    const onnx = Object.fromEntries(
      locations.map((name, i) => [`onnx/${name}`, new Uint8Array(Buffer.concat(data[i] as Uint8Array[]))]),
    )
    const rest = Object.fromEntries(
      ['config.json', 'tokenizer.json'].map((name) => [name, readFileSync(join(local, name))]),
    )
    const hub = await hubServer(
      {
        ...rest,
        ...onnx,
        'onnx/model.onnx': writeModel(model.graph, external),
        'onnx/model.onnx_data_9': new Uint8Array(9),
      },
      'a'.repeat(40),
    )
    const options = { endpoint: hub.endpoint, cacheDir: join(folder, 'cache'), token: '' }
    const opened = await openOnnxModel('someone/llama', options)
    for (const [name, tensor] of model.graph.initializers)
      expect(elements(opened.model.graph.initializers.get(name) as Tensor)).toEqual(elements(tensor))
    expect(hub.requests.some(({ url }) => url.includes('data_9'))).toBe(false)

    const lacking = await hubServer({ ...rest, 'onnx/model.onnx': writeModel(model.graph, external) }, 'c'.repeat(40))
    await expect(openOnnxModel('someone/lacking', { ...options, endpoint: lacking.endpoint })).rejects.toThrow(
      /onnx\/model\.onnx_data: the repository has no such file/,
    )
    await expect(
      openOnnxModel('someone/llama', { ...options, endpoint: lacking.endpoint, file: 'onnx/model_q4.onnx' }),
    ).rejects.toThrow(
      /no such file\. The repository has onnx\/model\.onnx, .*optimum-cli export onnx --model someone\/llama/,
    )
    for (const server of [hub, lacking]) await server.close()
  })
})

it('gives a classifier another fingerprint when any file of its weights changes', async () => {
  const path = join(folder, 'parts')
  const { model, config } = await loadPretrained(gpt2, { num_labels: 2 })
  exportMerged(model, { folder: path, config, tokenizerFolder: gpt2 })
  const graph = readModel(readFileSync(join(path, 'model.onnx')), { externalData: externalDataOf(path) })
  const layout = layoutExternal(graph.initializers, { location: 'weights.part' })
  writeFileSync(join(path, 'weights.part'), Buffer.concat([...externalChunks(graph.initializers, layout)]))
  writeFileSync(join(path, 'model.onnx'), writeModel(graph, layout))
  rmSync(join(path, 'model.onnx_data'))
  const classifier = await loadClassifier(path)
  const before = classifier.fingerprint()
  const bytes = readFileSync(join(path, 'weights.part'))
  bytes[0] = (bytes[0] as number) ^ 1
  writeFileSync(join(path, 'weights.part'), bytes)
  expect(classifier.fingerprint()).not.toBe(before)
  await classifier.release()
})

describe('a git-lfs pointer in place of a file', () => {
  const message = (file: string) =>
    new RegExp(
      `${file}: a git-lfs pointer in place of the file, expected 90387630 bytes, found 133 bytes .*git lfs pull`,
    )
  it.each([
    [
      'adapter_model.safetensors',
      () => readAdapter(changed('pointer-adapter', adapter, 'adapter_model.safetensors', pointer)),
    ],
    [
      'model.safetensors',
      () => loadPretrained(changed('pointer-gpt2', gpt2, 'model.safetensors', pointer), { num_labels: 2 }),
    ],
    ['tokenizer.json', () => readTokenizer(changed('pointer-tokenizer', gpt2, 'tokenizer.json', pointer))],
    ['config.json', () => loadPretrained(changed('pointer-config', gpt2, 'config.json', pointer))],
    ['model.onnx', () => openOnnxModel(changed('pointer-onnx', gpt2, 'model.safetensors', pointer, 'model.onnx'))],
    [
      'model.onnx',
      () => {
        const path = changed('pointer-classifier', gpt2, 'model.safetensors', pointer, 'model.onnx')
        writeFileSync(join(path, 'config.json'), '{"id2label":{"0":"a","1":"b"}}')
        return loadClassifier(path)
      },
    ],
    [
      'model.onnx_data',
      () =>
        externalDataOf(changed('pointer-data', gpt2, 'model.safetensors', pointer, 'model.onnx_data')).size(
          'model.onnx_data',
        ),
    ],
  ])('is named: %s', async (file, read) => {
    await expect((async () => read())()).rejects.toThrow(message(file))
  })
})

describe('weights that Python pickled', () => {
  it('are refused with the lines that convert them', async () => {
    const bin = changed('pickled-adapter', adapter, 'adapter_model.safetensors', 'pickle', 'adapter_model.bin')
    for (const read of [() => readAdapter(bin), () => openAdapter(bin)])
      await expect((async () => read())()).rejects.toThrow(
        /no such file, found .*Only adapter_model\.bin is there.*import glob, torch/s,
      )
    const base = changed('pickled-gpt2', gpt2, 'model.safetensors', 'pickle', 'pytorch_model.bin')
    await expect(loadPretrained(base, { num_labels: 2 })).rejects.toThrow(
      /no weights.*Only pytorch_model\.bin is there.*import glob, torch/s,
    )
    const hub = await hubServer(
      Object.fromEntries(
        ['config.json', 'tokenizer.json', 'pytorch_model.bin'].map((name) => [name, readFileSync(join(base, name))]),
      ),
      'b'.repeat(40),
    )
    await expect(
      loadPretrained('someone/old', { endpoint: hub.endpoint, cacheDir: join(folder, 'cache'), token: '' }),
    ).rejects.toThrow(
      /model\.safetensors: the repository has no such file\. Only pytorch_model\.bin is there.*snapshot_download\("someone\/old"\)/s,
    )
    await hub.close()
  })
  it('says what lies in a folder without weights', () =>
    expect(() => readSafetensorsFile(join(gpt2, 'adapter_model.safetensors'))).toThrow(
      /no such file, found config\.json, model\.safetensors/,
    ))
})

describe('a mistyped folder', () => {
  const modle = join(root, 'examples/modle')
  it.each([
    ['openOnnxModel', () => openOnnxModel(modle)],
    ['loadPretrained', () => loadPretrained(modle)],
    ['openAdapter', () => openAdapter(modle)],
  ])('is named by %s, with the nearest that there is', async (_, open) => {
    await expect(open()).rejects.toThrow(/examples\/modle": no such folder\. Did you mean ".*examples\/model"\?/)
  })
})

describe('a base that is open already', () => {
  it('is fine-tuned as it is, again and again, and takes no options', async () => {
    const base = await openBase(gpt2)
    expect(await openBase(base)).toBe(base)
    const train = ['the cat sleeps', 'the cats sleep'].map((text, label) => ({ text, label }))
    for (const seed of [1, 2]) {
      const tuned = await fineTune(base, { train, epochs: 1, seed, device: 'cpu' })
      await tuned.release()
    }
    for (const source of [base, await loadPretrained(gpt2)])
      await expect(openBase(source, { quantization: { bits: 4 } })).rejects.toThrow(
        /openBase, option quantization: the model is open already/,
      )
  })
})
