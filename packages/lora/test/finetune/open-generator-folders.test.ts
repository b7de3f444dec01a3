// Generators from folders: a file without a cache, PEFT's adapter for it, and a real model with two adapters.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memorySink } from '@cola/data'
import { afterAll, describe, expect, it } from 'vitest'
import { fineTune, type FineTuneOptions, type Generator, loadFineTuned, openGenerator } from '../../src/index.ts'
import { hubServer } from '../../../../tools/hub-server.ts'
import { decoderFiles } from '../support/decoder-files.ts'
import { exportFolder } from '../support/export-folder.ts'

const exports = join(import.meta.dirname, '../fixtures/exports')
const smolLm = join(import.meta.dirname, '../../../../../shared/data/smollm2-135m')
const out = mkdtempSync(join(tmpdir(), 'cola-open-generator-'))
afterAll(() => rmSync(out, { recursive: true }))

/** Trains an adapter into a folder. */
async function train(folder: string, base: string, options: FineTuneOptions<'CAUSAL_LM'>): Promise<string> {
  const tuned = await fineTune(base, { device: 'cpu', ...options })
  await tuned.save(join(out, folder))
  await tuned.release()
  return join(out, folder)
}

/** What a fine-tuned model gives with one adapter alone. */
async function alone(adapter: string, base: string, prompts: Parameters<Generator['streamTexts']>[0], merge: boolean) {
  const tuned = await loadFineTuned(adapter, { task: 'CAUSAL_LM', base, merge, device: 'cpu' })
  const texts = await tuned.generate([...prompts], { max_new_tokens: 12 })
  await tuned.release()
  return texts
}

describe('a file without a cache', () => {
  it.each(['llama-lm-torchscript', 'gpt2-lm-dynamo'])(
    '%s: texts of the fine-tuned model with each adapter',
    async (name) => {
      const base = exportFolder((model) => join(out, model), name)
      const config = JSON.parse(readFileSync(join(base, 'config.json'), 'utf8')) as object
      writeFileSync(join(base, 'config.json'), JSON.stringify({ ...config, max_position_embeddings: 12 }))
      const run = { task: 'CAUSAL_LM', epochs: 20, learning_rate: 3e-2 } as const
      const peft = join(exports, name, 'adapter')
      const adapters: Record<string, string> = {
        cats: await train(`${name}-cats`, base, { ...run, train: [{ text: 'the cat sleeps the cat sleeps' }] }),
        girls: await train(`${name}-girls`, base, { ...run, train: [{ text: 'the girls laugh the girls laugh' }] }),
        ...(existsSync(peft) ? { peft } : {}),
      }
      const prompts = ['the', 'the girls laugh the', 'dog']
      const generator = await openGenerator(base, { adapters, device: 'cpu' })
      const found: string[][] = []
      for (const [adapter, folder] of Object.entries(adapters)) {
        const texts = await generator.generate(prompts, { adapter, max_new_tokens: 12 })
        expect(texts).toEqual(await alone(folder, base, prompts, false))
        expect(await generator.generate('the', { adapter, max_new_tokens: 12 })).toBe(texts[0])
        found.push(texts)
      }
      expect(new Set(found.map((texts) => texts.join('|'))).size).toBe(found.length)
      const both = ['cats', 'girls'].map((adapter) => generator.generate(prompts, { adapter, max_new_tokens: 12 }))
      expect(await Promise.all(both)).toEqual(found.slice(0, 2))
      await generator.release()
      await expect(generator.generate('the')).rejects.toThrow(/it has been released/)
    },
  )
})

it('an adapter by its name on the hub, where PEFT wrote it or save', async () => {
  const base = decoderFiles('decoder-qwen3')
  const saved = memorySink()
  const train = [{ text: 'w4 w5 w6 w7' }]
  const tuned = await fineTune(base, { task: 'CAUSAL_LM', train, epochs: 10, learning_rate: 3e-2, device: 'cpu' })
  const few = { max_new_tokens: 6, eos_token_id: [] }
  const right = await tuned.generate('w4 w5', few)
  await tuned.save(saved)
  await tuned.release()
  const all = Object.fromEntries(saved.names().map((name) => [name, saved.read(name)]))
  const { 'fine_tuned.json': _, ...ofPeft } = all
  for (const files of [all, ofPeft]) {
    const hub = await hubServer(files, 'a'.repeat(40))
    const { endpoint } = hub
    const options = { adapters: { poet: 'somebody/poet' }, endpoint, cacheDir: mkdtempSync(join(out, 'hub-')) }
    const generator = await openGenerator(base, { ...options, device: 'cpu' })
    expect(await generator.generate('w4 w5', { adapter: 'poet', ...few })).toBe(right)
    await generator.release()
    await hub.close()
  }
})

describe.skipIf(!existsSync(smolLm))('SmolLM2-135M', () => {
  const chat_template =
    '{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}' +
    '{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}'
  const ask = (content: string) => [{ role: 'user', content }]
  const learn = (answers: Readonly<Record<string, string>>): FineTuneOptions<'CAUSAL_LM'> => ({
    task: 'CAUSAL_LM',
    train: Object.entries(answers).map(([question, content]) => ({
      prompt: ask(question),
      completion: [{ role: 'assistant', content }],
    })),
    epochs: 16,
    learning_rate: 3e-3,
    open: { chat_template },
  })

  it('answers messages with the adapter that each names', async () => {
    const base = join(out, 'smollm2')
    expect(spawnSync(process.execPath, [join(smolLm, 'expand.mjs'), base]).status).toBe(0)
    const questions = ['What is a loom?', 'What is a kiln?']
    const [loom, kiln] = questions as [string, string]
    const poet = learn({ [loom]: 'A harp whose song is cloth.', [kiln]: 'A small sun in a house of brick.' })
    const lawyer = learn({
      [loom]: 'An apparatus, as defined in section one.',
      [kiln]: 'An oven, as defined in section two.',
    })
    const adapters = { poet: await train('poet', base, poet), lawyer: await train('lawyer', base, lawyer) }
    const generator: Generator = await openGenerator(base, { adapters, device: 'cpu' })
    const few = { max_new_tokens: 12 }
    const prompts = questions.map(ask)
    for (const [adapter, folder] of Object.entries(adapters)) {
      const texts = await generator.generate(prompts, { adapter, ...few })
      expect(texts).toEqual(await alone(folder, base, prompts, false))
      const pieces: string[] = []
      for await (const piece of generator.stream(ask(loom), { adapter, ...few })) pieces.push(piece)
      expect(pieces.join('')).toBe(texts[0])
    }
    const [verse, clause] = await Promise.all([
      generator.generate(ask(loom), { adapter: 'poet', ...few }),
      generator.generate(ask(loom), { adapter: 'lawyer', ...few }),
    ])
    expect([verse, clause]).toEqual(['A harp whose song is cloth.', 'An apparatus, as defined in section one.'])
    await generator.release()
  })
})
