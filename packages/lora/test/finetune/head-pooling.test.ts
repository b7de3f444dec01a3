// A head reads a text at one place, or every token: one of the other kind is refused before anything is read of it.

import { memorySink } from '@cola/data'
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  AdapterError,
  ConfigError,
  type FineTuned,
  fineTune,
  loadFineTuned,
  type LayeredHead,
} from '../../src/index.ts'
import { embeddedFiles } from '../support/embedded-files.ts'

const base = embeddedFiles()
const train = ['the girl', 'the boy', 'the girls', 'the boys'].map((text, i) => ({
  text,
  label: i < 2 ? 'one' : 'many',
}))
const words = [
  { words: ['the', 'girl'], tags: ['O', 'B-PERSON'] },
  { words: ['a', 'boy'], tags: ['O', 'B-PERSON'] },
]
const run = { epochs: 1, lora: { r: 2 } } as const
const headOf = (pooling: string) => ({ name: 'score', bias: false, pooling, layers: [] }) as LayeredHead

let tuned: FineTuned
let saved: Record<string, Uint8Array>
beforeAll(async () => {
  tuned = await fineTune(base, { train, ...run })
  const sink = memorySink()
  await tuned.save(sink)
  saved = Object.fromEntries(sink.names().map((name) => [name, sink.read(name)]))
})
afterAll(() => tuned.release())

/** The saved files with other fields in some. */
function changed(changes: Readonly<Record<string, (json: Record<string, object>) => object>>, left: string[] = []) {
  const files = Object.entries(saved).filter(([name]) => !left.includes(name))
  return Object.fromEntries(
    files.map(([name, bytes]) => {
      const change = changes[name]
      if (!change) return [name, bytes]
      return [name, new TextEncoder().encode(JSON.stringify(change(JSON.parse(new TextDecoder().decode(bytes)))))]
    }),
  )
}

it('is refused as an option, of each task', async () => {
  for (const call of [
    () => fineTune(base, { train, ...run, head: headOf('none') }),
    () => fineTune(base, { train, ...run, head: headOf('max') }),
    () => loadFineTuned(changed({}, ['fine_tuned.json', 'head_config.json']), { base, head: headOf('none') }),
  ]) {
    await expect(call()).rejects.toThrow(ConfigError)
    await expect(call()).rejects.toThrow(
      /option head: not a valid value, expected .* with pooling last, first, mean, found an object with name/,
    )
  }
  const tags = fineTune(base, { task: 'TOKEN_CLS', train: words, ...run, head: headOf('last') })
  await expect(tags).rejects.toThrow(/option head: .*with pooling none, /)
})

it('is refused where an adapter records it', async () => {
  for (const layers of [undefined, []]) {
    const folder = changed({ 'head_config.json': (head) => ({ ...head, pooling: 'none', layers }) }, [
      'fine_tuned.json',
    ])
    await expect(loadFineTuned(folder, { base })).rejects.toThrow(AdapterError)
    await expect(loadFineTuned(folder, { base })).rejects.toThrow(
      /head_config\.json, field "pooling": a head of another task, expected "last", "first", "mean", found "none"\. .*task: 'TOKEN_CLS'/,
    )
    // Training goes on with the layers, and the head starts anew.
    const { lora: _, ...again } = run
    const other = await fineTune(base, { train, ...again, adapter: folder })
    expect(await other.classify(['the girl'])).toHaveLength(1)
    await other.release()
  }
})

it('is refused where the settings of a model have it', async () => {
  const folder = changed({
    'fine_tuned.json': (all) => ({ ...all, settings: { ...all.settings, head: headOf('none') } }),
    'head_config.json': (head) => ({ ...head, pooling: 'none' }),
  })
  await expect(loadFineTuned(folder, { base })).rejects.toThrow(/fine_tuned\.json, settings, option head: not a valid/)
})
