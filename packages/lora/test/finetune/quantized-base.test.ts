// An adapter that was trained on a base in 4 bits: the base is opened as it was in training, whoever opens it, unless an
// option says otherwise, which is told.

import { memorySink, type MemorySink } from '@cola/data'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  fineTune,
  type FineTuneOptions,
  loadFineTuned,
  openAdapter,
  openBase,
  openGenerator,
  type Quantization,
} from '../../src/index.ts'
import { embeddedFiles } from '../support/embedded-files.ts'

const files = embeddedFiles({})
const coarse: Quantization = { bits: 4, block_size: 128 }
const train = ['the girls sleep.', 'the girls laugh.'].map((text) => ({ text }))
const prompts = ['the', 'did the boys', 'the king', 'a', 'this girl', 'who']
const few = { max_new_tokens: 8 }

/** Trains an adapter, and gives what `save` wrote. */
async function adapterOn(
  options: Partial<FineTuneOptions<'CAUSAL_LM'>>,
  base: Parameters<typeof fineTune>[0] = files,
): Promise<MemorySink> {
  const tuned = await fineTune(base, { task: 'CAUSAL_LM', train, epochs: 1, lora: { r: 2 }, ...options })
  const saved = memorySink()
  await tuned.save(saved)
  await tuned.release()
  return saved
}

/** Warnings, and what takes them. */
function told() {
  const messages: string[] = []
  return { messages, onWarning: ({ message }: { message: string }) => messages.push(message) }
}

type Opened = { generate: (prompts: readonly string[], options: object) => Promise<string[]> }
async function texts(model: Opened & { release: () => Promise<void> }, options: object = {}): Promise<string[]> {
  const made = await model.generate(prompts, { ...few, ...options })
  await model.release()
  return made
}

describe('an adapter that was trained on a base in 4 bits', () => {
  let saved: MemorySink
  let plain: MemorySink
  const right: Record<string, string[]> = {}
  const load = (options: object) => loadFineTuned(saved, { task: 'CAUSAL_LM', base: files, ...options })
  beforeAll(async () => {
    saved = await adapterOn({ quantization: coarse })
    plain = await adapterOn({})
    right.four = await texts(await load({}))
    right.float32 = await texts(await load({ base: await openBase(files) }))
    expect(right.four).not.toEqual(right.float32)
  })

  it('answers in openGenerator as in loadFineTuned', async () => {
    const { messages, onWarning } = told()
    const generator = await openGenerator(files, { adapters: { one: saved, two: saved }, onWarning })
    expect(await texts(generator, { adapter: 'one' })).toEqual(right.four)
    expect(messages).toEqual([])
  })

  it('is opened in float32 with quantization: null, which is told', async () => {
    for (const open of [{ open: { quantization: null } }, { quantization: null }]) {
      const { messages, onWarning } = told()
      const generator = await openGenerator(files, { adapters: { one: saved }, onWarning, ...open })
      expect(await texts(generator, { adapter: 'one' })).toEqual(right.float32)
      expect(messages).toEqual([
        'adapter "one": it was trained on a base with quantization { bits: 4, block_size: 128 }, and this one has none: ' +
          'answers differ; quantization { bits: 4, block_size: 128 } opens it as in training',
      ])
    }
    const { messages, onWarning } = told()
    expect(await texts(await load({ open: { quantization: null }, onWarning }))).toEqual(right.float32)
    expect(messages).toHaveLength(1)
    expect(await texts(await load({ open: { quantization: undefined } }))).toEqual(right.four)
  })

  it('tells of adapters that differ, of a base that is open, and of other bits', async () => {
    const { messages, onWarning } = told()
    const both = await openGenerator(files, { adapters: { one: saved, other: plain }, onWarning })
    expect(await texts(both, { adapter: 'one' })).toEqual(right.float32)
    const open = await openGenerator(await openBase(files), { adapters: { one: saved }, onWarning })
    await open.release()
    const eight = await openGenerator(files, { adapters: { one: plain }, quantization: { bits: 8 }, onWarning })
    await eight.release()
    await texts(await load({ base: await openBase(files), onWarning }))
    expect(messages.map((message) => message.replace(/: answers.*/, ''))).toEqual([
      'adapter "one": it was trained on a base with quantization { bits: 4, block_size: 128 }, and this one has none',
      'adapter "one": it was trained on a base with quantization { bits: 4, block_size: 128 }, and this one has none',
      'adapter "one": it was trained on a base without quantization, and this one has { bits: 8 }',
      'the adapter: it was trained on a base with quantization { bits: 4, block_size: 128 }, and this one has none',
    ])
  })

  it('tells of one that is loaded later', async () => {
    const { messages, onWarning } = told()
    const generator = await openGenerator(files, { adapters: { one: plain }, onWarning })
    await generator.loadAdapter('later', saved)
    await generator.release()
    expect(messages).toEqual([expect.stringMatching(/^adapter "later": it was trained on a base with quantization/)])
  })

  it('says nothing where options are the defaults, and of open adapters', async () => {
    const { messages, onWarning } = told()
    const byDefault = await adapterOn({ quantization: {} })
    const written = { bits: 4, block_size: 32 } as const
    const adapters = { one: byDefault, open: await openAdapter(saved) }
    await (await openGenerator(files, { adapters, quantization: written, onWarning })).release()
    expect(messages).toEqual([])
  })

  it('goes on training on the base as it was, unless an option says otherwise', async () => {
    const heard: string[] = []
    const callbacks = { onWarning: ({ message }: { message: string }) => heard.push(message) }
    const again = await adapterOn({ adapter: saved, lora: undefined, callbacks } as object)
    expect(JSON.parse(new TextDecoder().decode(again.read('fine_tuned.json'))).base.quantization).toEqual(coarse)
    expect(heard).toEqual([])
    await adapterOn({ adapter: saved, lora: undefined, quantization: null, callbacks } as object)
    expect(heard).toEqual([expect.stringContaining('and this one has none')])
  })

  it('has a model card that says so', () => {
    const card = (sink: MemorySink) => new TextDecoder().decode(sink.read('README.md'))
    expect(card(saved)).toMatch(/Its base had matrices in 4 bits while it was trained/)
    expect(card(plain)).not.toContain('bits')
  })
})
