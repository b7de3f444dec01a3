// The tokens before each text: an adapter is refused where the base's tokenizer puts others than it was trained with.

import { defaultDevice } from '@cola/train'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Folder, folderAt, readText, temporaryFolders } from '../../../../tools/test-folders.ts'
import {
  type Adapter,
  AdapterError,
  type BaseModel,
  combineAdapters,
  exportAdapters,
  fineTune,
  loadAdapter,
  loadFineTuned,
  openAdapter,
  openBase,
  openOnnxModel,
  switchable,
  withHead,
} from '../../src/index.ts'
import { decoderFiles, json, wordTokenizer } from '../support/decoder-files.ts'

const out = temporaryFolders()

const plain = decoderFiles('decoder-qwen3')
const start = { add_bos_token: true, bos_token: 'w4' }
const train = ['w6 w7', 'w8 w9 w10', 'w6 w11'].map((text) => ({ text }))
const run = { task: 'CAUSAL_LM', train, epochs: 1, device: defaultDevice() } as const
/** A tokenizer whose own post-processor puts w4 before texts. */
const ofFile = {
  ...plain,
  'tokenizer.json': json({
    ...wordTokenizer(40),
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: 'w4', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
      pair: [],
      special_tokens: { w4: { id: 'w4', ids: [4], tokens: ['w4'] } },
    },
  }),
}
const [started, unstarted] = [out('started'), out('unstarted')]

beforeAll(async () => {
  for (const [folder, open] of [[started, start] as const, [unstarted, {}] as const]) {
    const tuned = await fineTune(plain, { ...run, open })
    await tuned.save(folder)
    await tuned.release()
  }
})

const load = (folder: Folder, base: Parameters<typeof openBase>[0]) =>
  loadFineTuned(folder, { task: 'CAUSAL_LM', base, device: defaultDevice() })
const others = /before each text: not what the adapter was trained with, expected \[4\], found/
const opened = {
  'as its files have it': () => openBase(plain),
  'with another start token': () => openBase(plain, { ...start, bos_token: 'w9' }),
}
const fitting = {
  'with the start token': () => openBase(plain, start),
  'by openOnnxModel': () => openOnnxModel(plain, start),
  'whose own tokenizer has the start token': () => openBase(ofFile),
}

describe('an adapter that was trained with a start token', () => {
  let adapter: Adapter
  beforeAll(async () => {
    adapter = await openAdapter(started)
  })

  it.each(Object.entries(fitting))('is opened on a base %s', async (_, open) => {
    const tuned = await load(started, await open())
    expect(tuned.tokenizer.encode('w6')).toEqual([4, 6])
    await tuned.release()
  })

  it.each(Object.entries(opened))('is refused on a base %s', async (_, open) => {
    const base = await open()
    await expect(load(started, base)).rejects.toThrow(AdapterError)
    await expect(load(started, base)).rejects.toThrow(others)
  })

  it('is refused with what to do', async () => {
    await expect(load(started, await openBase(plain))).rejects.toThrow(
      /found \[\]\. Open the base with add_bos_token as in training/,
    )
    await expect(load(unstarted, await openBase(plain, start))).rejects.toThrow(/expected \[\], found \[4\]/)
  })

  /** The models that a base gives, each with what loads an adapter on it. */
  const models: Record<string, (base: BaseModel, adapter: Adapter) => unknown> = {
    languageModel: (base, adapter) => loadAdapter(base.languageModel(), adapter),
    packedLanguageModel: (base, adapter) => loadAdapter(base.packedLanguageModel(), adapter),
    cachedLanguageModel: (base, adapter) =>
      loadAdapter(base.cachedLanguageModel() as ReturnType<typeof base.languageModel>, adapter),
    switchable: (base, adapter) => switchable(base.languageModel(), { adapter }),
    combineAdapters: (base, adapter) =>
      loadAdapter(base.languageModel(), combineAdapters([{ adapter }, { adapter, weight: 0.5 }])),
    exportAdapters: (base, adapter) => exportAdapters(out('switched'), base, { adapter }),
  }
  it.each(Object.entries(models))('is refused by %s too, where the base is open', async (_, use) => {
    const [wrong, right] = [await openBase(plain), await openBase(plain, start)]
    await expect((async () => use(wrong, adapter))()).rejects.toThrow(others)
    await use(right, adapter)
  })

  it('is refused on GPT-2 from its weights, with a head', async () => {
    const embedded = folderAt(join(import.meta.dirname, '../../../../examples/model'))
    const head = { num_labels: 2, pooling: 'last', name: 'score', bias: false } as const
    const labelled = [0, 1].map((label) => ({ text: 'the girl', label }))
    const tuned = await fineTune(embedded, { train: labelled, epochs: 1, device: defaultDevice() })
    await tuned.save(out('gpt2'))
    await tuned.release()
    const saved = await openAdapter(out('gpt2'))
    const other: Adapter = { ...saved, start_token_ids: [4] }
    const model = withHead((await openBase(embedded)).hiddenStates(), head)
    expect(saved.start_token_ids).toEqual([2])
    expect(() => loadAdapter(model, other)).toThrow(/expected \[4\], found \[2\]/)
    expect(() => loadAdapter(model, saved)).not.toThrow()
  })

  /** What the base's options are, and the tokens before texts when training goes on. */
  const onward: readonly [
    string,
    () => Promise<{ source: Parameters<typeof fineTune>[0]; open?: object }>,
    number[],
  ][] = [
    ['as it was opened for the adapter', async () => ({ source: plain }), [4]],
    ['as options that are not set', async () => ({ source: plain, open: { add_bos_token: undefined } }), [4]],
    ['with another start token', async () => ({ source: plain, open: { ...start, bos_token: 'w9' } }), [9]],
    ['without a start token', async () => ({ source: plain, open: { add_bos_token: false } }), []],
    ['that is open without it', async () => ({ source: await openBase(plain) }), []],
  ]
  it.each(onward)('goes on with a base %s', async (_, open, expected) => {
    const { source, ...options } = await open()
    const warnings: string[] = []
    const callbacks = { onWarning: ({ message }: { message: string }) => warnings.push(message) }
    const tuned = await fineTune(source, { ...run, ...options, adapter: started, callbacks })
    expect(warnings).toEqual(expected[0] === 4 ? [] : [expect.stringMatching(others)])
    await tuned.save(out('went-on'))
    await tuned.release()
    expect((await openAdapter(out('went-on'))).start_token_ids).toEqual(expected)
  })

  it('is opened without its start token where options say so, and refused then', async () => {
    const options = { task: 'CAUSAL_LM', base: plain, open: { add_bos_token: false }, device: defaultDevice() } as const
    await expect(loadFineTuned(started, options)).rejects.toThrow(others)
  })

  it('whose tokens before texts are not known is loaded anywhere', async () => {
    const { start_token_ids: _, ...unknown } = adapter
    for (const base of [await openBase(plain), await openBase(plain, start)]) loadAdapter(base.languageModel(), unknown)
    const { graph, ...model } = (await openBase(plain)).languageModel()
    loadAdapter({ ...model, graph: { ...graph, metadata: {} } }, adapter)
  })
})

it('a model that was opened with options is saved with them', async () => {
  const options = { ...start, quantization: { bits: 4, block_size: 16 }, file: 'onnx/model.onnx' } as const
  const tuned = await fineTune(await openOnnxModel(plain, options), run)
  await tuned.save(out('options'))
  await tuned.release()
  const { base } = JSON.parse(readText(out('options'), 'fine_tuned.json'))
  expect(base).toMatchObject(options)
  const again = await load(out('options'), plain)
  expect(again.tokenizer.encode('w6')).toEqual([4, 6])
  await again.release()
})
