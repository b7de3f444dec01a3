// sampleTexts: different texts, unlike what is given, the same however often the run was stopped.

import { defaultDevice } from '@cola/train'
import { join } from 'node:path'
import { DataError, type FileStore, generateSentences, memorySink, random } from '@cola/data'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Folder, folderAt, readText, temporaryFolders, writeText } from '../../../../tools/test-folders.ts'
import {
  ConfigError,
  type FineTuned,
  fineTune,
  type FinishReason,
  sampleTexts,
  type TextSampler,
} from '../../src/index.ts'

const out = temporaryFolders()
const embedded = folderAt(join(import.meta.dirname, '../../../../examples/model'))

/** Texts of one to three words, some of them equal, some without end. */
function words(): TextSampler & { asked: number } {
  const model = {
    asked: 0,
    generate: async (_: string, { seed, max_new_tokens, onFinish }: Parameters<TextSampler['generate']>[1]) => {
      model.asked++
      const stream = random(seed, 'words')
      const length = stream.integer(9) === 0 ? max_new_tokens : 1 + stream.integer(3)
      const text = Array.from({ length }, () => ['cat', 'dog', 'owl', 'fox', 'hen'][stream.integer(5)])
      onFinish(length === max_new_tokens ? 'length' : 'stop')
      return ` ${text.join(' ')}\n`
    },
  }
  return model
}
/** The same, several at once: a text that is longer comes later. */
function batches(): TextSampler {
  const { generate } = words()
  return {
    generate,
    async *streamTexts(prompts, { seed, batch_size, ...options }) {
      const seeds = [...seed]
      let group: { row: number; text: string; reason: FinishReason }[] = []
      const byLength = () => group.sort((a, b) => a.text.length - b.text.length || b.row - a.row)
      let row = 0
      for (const prompt of prompts) {
        let reason: FinishReason = 'stop'
        const onFinish = (found: FinishReason) => {
          reason = found
        }
        const text = await generate(prompt, { ...options, seed: seeds[row] as number, onFinish })
        group.push({ row: row++, text, reason })
        if (group.length < batch_size) continue
        yield* byLength()
        group = []
      }
      yield* byLength()
    },
  }
}
/** The options of the file of a name in a folder. */
const placeIn = (folder: Folder, name: string): { file: string; store?: FileStore } =>
  typeof folder === 'string' ? { file: join(folder, name) } : { file: name, store: folder }

const unlike = ['cat', ' dog ', 'cat dog']
const options = { count: 40, unlike, seed: 3, max_new_tokens: 8 }

describe('sampleTexts', () => {
  it('gives texts that differ from each other and from unlike, that ended, by the seed', async () => {
    const texts = await sampleTexts(words(), options)
    expect(texts.length).toBe(40)
    expect(new Set([...texts, 'cat', 'dog', 'cat dog']).size).toBe(43)
    for (const text of texts) expect(text).toMatch(/^\w+( \w+){0,2}$/)
    expect(await sampleTexts(words(), options)).toEqual(texts)
    expect(await sampleTexts(words(), { ...options, seed: 4 })).not.toEqual(texts)
    expect(await sampleTexts(words(), { ...options, count: 10 })).toEqual(texts.slice(0, 10))
  })

  it('goes on where it was stopped, by a signal or in the middle of a line, and gives the same', async () => {
    const whole = await sampleTexts(words(), options)
    const [folder, name] = [out('new/folder'), 'texts.jsonl']
    const place = placeIn(folder, name)
    const stop = new AbortController()
    const onText = ({ count }: { count: number }) => count === 15 && stop.abort(new Error('enough'))
    await expect(sampleTexts(words(), { ...options, ...place, onText, signal: stop.signal })).rejects.toThrow('enough')
    const lines = readText(folder, name).trimEnd().split('\n')
    expect(lines.map((line) => (JSON.parse(line) as { text: string }).text)).toEqual(whole.slice(0, 15))
    writeText(folder, name, readText(folder, name).slice(0, -9)) // Killed while it wrote.
    const model = words()
    expect(await sampleTexts(model, { ...options, ...place })).toEqual(whole)
    const { sample } = JSON.parse(lines[13] as string) as { sample: number }
    const last = JSON.parse(readText(folder, name).trimEnd().split('\n').at(-1) as string) as { sample: number }
    expect(model.asked).toBe(1 + last.sample - sample) // One to compare, and those that were missing.
    expect(await sampleTexts(words(), { ...options, ...place, count: 50 })).toEqual(
      await sampleTexts(words(), { ...options, count: 50 }),
    )
    expect(await sampleTexts(words(), { ...options, ...place, count: 10 })).toEqual(whole.slice(0, 10))
  })

  it('gives the same in batches, stopped or not', async () => {
    const whole = await sampleTexts(words(), options)
    for (const batch_size of [1, 2, 7, 32, 1000])
      expect(await sampleTexts(batches(), { ...options, batch_size })).toEqual(whole)
    const [folder, name] = [out('batches'), 'batches.jsonl']
    const place = placeIn(folder, name)
    const stop = new AbortController()
    const onText = ({ count }: { count: number }) => count === 15 && stop.abort(new Error('enough'))
    await expect(sampleTexts(batches(), { ...options, ...place, onText, signal: stop.signal })).rejects.toThrow(
      'enough',
    )
    expect(readText(folder, name).trimEnd().split('\n').length).toBe(15)
    expect(await sampleTexts(batches(), { ...options, ...place })).toEqual(whole)
    await expect(sampleTexts(batches(), { ...options, max_samples: 12 })).rejects.toThrow(/in 12 samples, expected 40/)
    await expect(sampleTexts(batches(), { ...options, batch_size: 0 })).rejects.toThrow(/option batch_size/)
  })

  it('writes to any store', async () => {
    const store = memorySink()
    const texts = await sampleTexts(words(), { ...options, file: 'texts.jsonl', store })
    expect(await sampleTexts(words(), { ...options, file: 'texts.jsonl', store, count: 20 })).toEqual(
      texts.slice(0, 20),
    )
    expect(new TextDecoder().decode(store.read('texts.jsonl')).split('\n').length).toBe(41)
  })

  it('refuses files of other samples, too few texts, other models and options', async () => {
    const [folder, name] = [out('other'), 'other.jsonl']
    const place = placeIn(folder, name)
    const sample = (more: object, model: TextSampler = words()) =>
      expect(sampleTexts(model, { ...options, ...place, ...more })).rejects
    await sampleTexts(words(), { ...options, ...place, count: 5 })
    await sample({ seed: 9 }).toThrow(/other\.jsonl, line 5: not what the model gives with these options/)
    const [first] = await sampleTexts(words(), options)
    await sample({ unlike: [first as string] }).toThrow(/line 1: a text that is there already, or in unlike/)
    writeText(folder, name, 'cat\n')
    await sample({}).toThrow(/line 1: not a text that was sampled.*found cat/)
    const others = { file: undefined as never, store: undefined as never }
    await sample({ ...others, count: 500 }).toThrow(DataError)
    await sample({ ...others, max_samples: 12 }).toThrow(/too few different texts in 12 samples, expected 40/)
    await sample({ ...others, count: 0 }).toThrow(ConfigError)
    await sample({ ...others, count: undefined }).toThrow(ConfigError)
    await sample({ ...others, top_p: 2 }).toThrow(/option top_p/)
    await sample({ ...others, do_sample: true }).toThrow(ConfigError)
    await sample(others, { classify: 1 } as never).toThrow(
      /not a language model.*CAUSAL_LM.*found an object with classify/,
    )
  })
})

describe('a fine-tuned language model', () => {
  let model: FineTuned<'CAUSAL_LM'>
  const rows = generateSentences({ seed: 1, count: 120 }).filter(({ label }) => label === 1)
  beforeAll(async () => {
    const train = rows.map(({ text }) => ({ text }))
    const quick = { epochs: 4, learning_rate: 1e-2, device: defaultDevice() } as const
    // The model ends a text with the token that begins it.
    model = await fineTune(embedded, { task: 'CAUSAL_LM', train, eos_token: '[CLS]', ...quick })
  })
  afterAll(() => model.release())

  it('writes sentences like its own, none of them one of those', async () => {
    const texts = await sampleTexts(model, { count: 12, unlike: rows.map(({ text }) => text), seed: 1 })
    for (const batch_size of [1, 5])
      expect(
        await sampleTexts(model, { count: 12, unlike: rows.map(({ text }) => text), seed: 1, batch_size }),
      ).toEqual(texts)
    expect(new Set([...texts, ...rows.map(({ text }) => text)]).size).toBe(72)
    const known = new Set(rows.flatMap(({ text }) => text.toLowerCase().match(/\w+/g) ?? []))
    const found = texts.flatMap((text) => text.toLowerCase().match(/\w+/g) ?? [])
    expect(found.filter((word) => known.has(word)).length).toBeGreaterThan(0.7 * found.length)
  })
})
