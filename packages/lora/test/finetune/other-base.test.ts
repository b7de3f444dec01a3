// An adapter that is given with another base than its own, or in the base's place: what is told is that, and not what
// happens to fail first.

import { memoryFiles, memorySink, type Source } from '@cola/data'
import { serializeSafetensors } from '@cola/graph'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  AdapterError,
  type BaseModel,
  ConfigError,
  fineTune,
  loadFineTuned,
  openBase,
  openGenerator,
  parseGpt2Config,
  randomGpt2,
} from '../../src/index.ts'
import { embeddedFiles } from '../support/embedded-files.ts'
import { baseOf } from '../support/peft-heads.ts'

const base = embeddedFiles()
const train = ['the cat sleeps', 'the dog sleeps', 'a cat sleeps', 'a dog sleeps'].map((text, i) => ({
  text,
  label: i % 2 ? 'dog' : 'cat',
}))
const quick = { train, epochs: 1, device: 'cpu' } as const

/** The embedded model with other sizes, and random weights. */
function resized(change: object): Source {
  const json = { ...JSON.parse(new TextDecoder().decode(base['config.json'])), ...change }
  const weights = serializeSafetensors(randomGpt2(parseGpt2Config(json)))
  const config = new TextEncoder().encode(JSON.stringify(json))
  return memoryFiles({ ...base, 'config.json': config, 'model.safetensors': weights })
}

const bases = {
  encoder: memoryFiles(baseOf('roberta')),
  shallow: resized({ n_layer: 2 }),
  narrow: resized({ n_embd: 64 }),
}

/** What the adapter has, and the base has not. */
const told = {
  encoder:
    /expected modules such as transformer\.h\.0\.attn\.c_attn, found modules such as .*layer\.0\..* in memory \(model type roberta\)/,
  shallow: /expected 4 layers, found 2 layers in memory \(model type gpt2\)/,
  narrow: /expected 128 inputs of transformer\.h\.0\.attn\.c_attn, found 64 in memory \(model type gpt2\)/,
}
const kinds = Object.keys(bases) as (keyof typeof bases)[]

const saved = memorySink('saved')
const spoken = memorySink('spoken')
let peft: Source
let open: BaseModel
beforeAll(async () => {
  open = await openBase(base)
  const named = { ...open, name: 'someone/base' }
  const tuned = await fineTune(named, quick)
  await tuned.save(saved)
  await tuned.release()
  const files = saved.names().filter((name) => /^adapter_/.test(name))
  peft = memoryFiles(Object.fromEntries(files.map((name) => [name, saved.read(name)])))
  const rows = train.map(({ text }) => ({ text }))
  const speaker = await fineTune(named, { task: 'CAUSAL_LM', ...quick, train: rows })
  await speaker.save(spoken)
  await speaker.release()
})

const failure = (run: Promise<unknown>) =>
  run.then(
    () => new Error('nothing was thrown'),
    (error: Error) => error,
  )

describe.each(kinds)('an adapter of another base than the %s one', (kind) => {
  const named = /^adapter( "a")?: trained on another base, "someone\/base" by its adapter_config\.json/
  it.each<[string, (other: Source) => Promise<unknown>, RegExp]>([
    [
      'loadFineTuned',
      (other) => loadFineTuned(saved, { base: other }),
      /loadFineTuned\(adapter, \{ base: "someone\/base" \}\)/,
    ],
    [
      'loadFineTuned of PEFT’s',
      (other) => loadFineTuned(peft, { base: other }),
      /loadFineTuned\(adapter, \{ base: "someone/,
    ],
    [
      'fineTune',
      (other) => fineTune(other, { ...quick, adapter: saved }),
      /fineTune\("someone\/base", \{ adapter \}\)/,
    ],
    [
      'fineTune of PEFT’s',
      (other) => fineTune(other, { ...quick, adapter: peft }),
      /fineTune\("someone\/base", \{ adapter \}\)/,
    ],
    [
      'openGenerator',
      (other) => openGenerator(other, { adapters: { a: spoken } }),
      /openGenerator\("someone\/base", \{ adapters: \{ a: adapter \} \}\)/,
    ],
  ])('%s', async (_, run, fix) => {
    const error = await failure(run(bases[kind]))
    expect(error).toBeInstanceOf(AdapterError)
    expect(error.message).toMatch(named)
    expect(error.message).toMatch(told[kind])
    expect(error.message).toMatch(fix)
    expect(error.cause).toBeInstanceOf(Error)
  })
})

describe('base and adapter in one another’s place', () => {
  it.each<[string, () => Promise<unknown>, string]>([
    ['fineTune', () => fineTune(saved, { ...quick, adapter: base }), 'fineTune(base, { adapter })'],
    ['loadFineTuned', () => loadFineTuned(base, { base: saved }), 'loadFineTuned(adapter, { base })'],
    [
      'openGenerator',
      () => openGenerator(spoken, { adapters: { a: base } }),
      'openGenerator(base, { adapters: { a: adapter } })',
    ],
  ])('%s', async (_, run, call) => {
    const error = await failure(run())
    expect(error).toBeInstanceOf(ConfigError)
    expect(error.message).toMatch(/base and adapter are swapped: this is no adapter, and .*base is one/)
    expect(error.message).toContain(`Swap them: ${call}.`)
  })

  it('are not where the base holds a model beside what is left of an adapter', async () => {
    const both = memoryFiles({ ...base, 'adapter_config.json': saved.read('adapter_config.json') })
    const empty = memoryFiles({ 'notes.txt': new Uint8Array(1) })
    for (const run of [
      () => fineTune(both, { ...quick, adapter: empty }),
      () => loadFineTuned(empty, { base: both }),
    ]) {
      const { message } = await failure(run())
      expect(message).not.toMatch(/swap/i)
      expect(message).toMatch(/found notes\.txt/)
    }
  })

  it('a base in the place of an adapter, and an adapter in that of a base', async () => {
    const twice = await failure(fineTune(base, { ...quick, adapter: base }))
    expect(twice.message).toMatch(/: not an adapter, expected adapter_config\.json.*A model is a base, and comes first/)
    const opened = await failure(fineTune(open, { ...quick, adapter: base }))
    expect(opened.message).toMatch(/: not an adapter/)
    expect((await failure(openBase(saved))).message).toMatch(/no ONNX model, .*This is an adapter/)
  })
})

it('another mistake is told as it is', async () => {
  const labels = await failure(loadFineTuned(peft, { base, labels: ['a', 'b', 'c'] }))
  expect(labels.message).toMatch(/option labels: not one name for each row/)
  const rows = await failure(fineTune(base, { ...quick, train: [{ text: '', label: 'cat' }], adapter: saved }))
  expect(rows.message).toMatch(/too few classes|an empty text/)
})
