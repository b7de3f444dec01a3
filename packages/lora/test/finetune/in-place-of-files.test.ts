// What is open already, in place of the files that it is read from: each door says what to give.

import { DataError, memorySink } from '@cola/data'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type Adapter,
  combineAdapters,
  ConfigError,
  exportAdapters,
  type FineTuned,
  fineTune,
  type Generator,
  loadAdapter,
  loadFineTuned,
  openAdapter,
  openBase,
  openGenerator,
  switchable,
} from '../../src/index.ts'
import { embeddedFiles } from '../support/embedded-files.ts'

const base = embeddedFiles()
const task = 'CAUSAL_LM'
const train = [{ text: 'the girls sleep' }, { text: 'the boys sleep' }]

let tuned: FineTuned<'CAUSAL_LM'>
let adapter: Adapter
let generator: Generator
beforeAll(async () => {
  tuned = await fineTune(base, { task, train, epochs: 1, lora: { r: 2 } })
  const sink = memorySink()
  await tuned.save(sink)
  adapter = await openAdapter(sink)
  generator = await openGenerator(base, { adapters: { known: sink } })
})
afterAll(async () => {
  await tuned.release()
  await generator.release()
})

/** Calls a door with what is not meant for it. */
const doors: Readonly<Record<string, readonly [where: string, call: (given: never) => unknown]>> = {
  openGenerator: ['openGenerator, option adapters, "poet"', (poet) => openGenerator(base, { adapters: { poet } })],
  'loadAdapter of a generator': ['loadAdapter, adapter "poet"', (poet) => generator.loadAdapter('poet', poet)],
  'fineTune with an adapter': ['fineTune, option adapter', (one) => fineTune(base, { task, train, adapter: one })],
  loadFineTuned: ['loadFineTuned', (one) => loadFineTuned(one, { task })],
  openAdapter: ['openAdapter', (one) => openAdapter(one)],
}

const refusal = async (call: () => unknown): Promise<string> => {
  const error = await Promise.resolve()
    .then(call)
    .catch((cause: unknown) => cause)
  expect(error).toBeInstanceOf(ConfigError)
  return String(error)
}

it('a fine-tuned model is no base, nor is what is no model', async () => {
  const classes = train.map((row, i) => ({ ...row, label: i }))
  const run = { train: [...classes, ...classes], epochs: 1, lora: { r: 2 } }
  const classifier = await fineTune(base, run)
  for (const one of [classifier, tuned])
    for (const call of [() => fineTune(one as never, run), () => openBase(one as never)])
      expect(await refusal(call)).toMatch(
        /^ConfigError: openBase: a fine-tuned model, .*go on from a fine-tuned model: fineTune\(base, \{ adapter: 'out\/x' \}\)/,
      )
  await classifier.release()
  for (const wrong of [
    7,
    null,
    {},
    { path: 1 },
    [],
    [1],
    () => 1,
    new Map(),
    classes,
    { train: classes },
    new Date(),
  ]) {
    const error = await fineTune(wrong as never, run).catch((cause: unknown) => cause)
    expect(
      [ConfigError, DataError].some((kind) => error instanceof kind),
      String(error),
    ).toBe(true)
    expect(String(error)).not.toMatch(/encodeTexts|undefined is|not a function/)
  }
})

describe.each(Object.entries(doors))('%s', (_, [where, call]) => {
  it('says what a fine-tuned model lacks, and a model with an adapter', async () => {
    const message = await refusal(() => call(tuned as never))
    expect(message).toContain(`ConfigError: ${where}: a fine-tuned model, expected `)
    expect(message).toContain('Save it first: await tuned.save(folder), where folder may be a memorySink().')
    const adapted = await tuned.adapted()
    expect(await refusal(() => call(adapted as never))).toContain('writeAdapter(folder, model)')
  })

  it('names an adapter that lacks a part', async () => {
    for (const half of [{ config: adapter.config }, { tensors: adapter.tensors }, { ...adapter, config: {} }]) {
      const message = await refusal(() => call(half as never))
      expect(message).toContain(`${where}: an adapter that lacks `)
      expect(message).toMatch(/lacks (config|tensors), expected/)
      expect(message).toContain('Give what openAdapter gives, whole')
    }
  })

  it('says what a base and a generator are', async () => {
    const opened = await openBase(base)
    expect(await refusal(() => call(opened as never))).toContain(`${where}: an open base, expected `)
    expect(await refusal(() => call(generator as never))).toContain(`${where}: a generator, expected `)
  })
})

it('is an adapter that is open where files are wanted', async () => {
  for (const call of [
    () => loadFineTuned(adapter as never, { task }),
    () => fineTune(base, { task, train, adapter: adapter as never }),
    () => openAdapter(adapter as never),
  ])
    expect(await refusal(call)).toContain('an adapter that is open, expected a folder')
})

it('is a fine-tuned model in place of a base', async () => {
  const sink = memorySink()
  await tuned.save(sink)
  for (const call of [
    () => openGenerator(tuned as never),
    () => fineTune(tuned as never, { task, train }),
    () => openBase(tuned as never),
    () => loadFineTuned(sink, { task, base: tuned as never }),
  ])
    expect(await refusal(call)).toMatch(/a fine-tuned model, expected a folder.*Save it first/)
})

it('is files in place of an open base', async () => {
  expect(await refusal(() => exportAdapters(memorySink(), base as never, { poet: adapter }))).toContain(
    'exportAdapters, base: not a valid value, expected what openBase gives',
  )
})

it('is a fine-tuned model in place of an adapter that is open', async () => {
  const model = (await openBase(base)).languageModel()
  for (const call of [
    () => switchable(model, { poet: tuned as never }),
    () => loadAdapter(model, tuned as never),
    () => combineAdapters([{ adapter: tuned as never }]),
  ])
    expect(await refusal(call)).toMatch(/expected what openAdapter gives, found .*Save it first/)
})
