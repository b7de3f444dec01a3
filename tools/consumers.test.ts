// Other people's projects: each installs the packed packages, as from the registry, and runs.

import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  exportMerged,
  fineTune,
  loadAdapter,
  loadFineTuned,
  loadPretrained,
  lora,
  type LoraModel,
  merge,
  openBase,
  openGenerator,
  openAdapter,
  writeAdapter,
} from '@cola/lora'
import { loadClassifier } from '@cola/train'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decoderFiles, decoders } from '../packages/lora/test/support/decoder-files.ts'
import { ofPeft } from '../packages/lora/test/support/exported-decoder.ts'
import { hubServer } from './hub-server.ts'
import { moved } from './moved.ts'
import { npm, online, pack, runTypeScript, typecheck, useTarballs } from './packed.ts'
import { root } from './root.ts'
import { startService } from './service.ts'
import { tinyEncoder } from './tiny-encoder.ts'

const embedded = join(root, 'examples/model')
const work = mkdtempSync(join(tmpdir(), 'cola-consumers-'))
afterAll(() => rmSync(work, { recursive: true }), 600_000)
const texts = ['The girls in the garden laugh.', 'The girls in the garden laughs.']

let packed: Record<string, string> = {}
beforeAll(async () => {
  if (online) packed = await pack(join(work, 'packed'))
})

/** A copy of a consumer in a folder of its own, with the packed packages installed. */
function installed(name: string): string {
  const folder = join(work, name)
  cpSync(join(root, 'examples/consumers', name), folder, { recursive: true })
  cpSync(join(root, '.npmrc'), join(folder, '.npmrc'))
  useTarballs(folder, packed)
  npm(folder, 'install', '--prefer-offline')
  return folder
}

async function adapterAt(folder: string, seed: number): Promise<LoraModel> {
  const { model } = await loadPretrained(embedded, { num_labels: 2 })
  const injected = lora(model, { task_type: 'SEQ_CLS', r: 2, target_modules: ['c_attn', 'c_fc'] })
  const trained = moved(injected, seed, 0.2)
  writeAdapter(folder, trained)
  return trained
}

/** Probabilities as this repository's own classifier gives them. */
async function expected(model: LoraModel, name: string): Promise<number[][]> {
  const folder = join(work, `expected-${name}`)
  const { config } = await loadPretrained(embedded, { num_labels: 2 })
  exportMerged(merge(model), { folder, config, tokenizerFolder: embedded })
  const classifier = await loadClassifier(folder)
  const results = (await classifier.classify(texts)).map(({ probabilities }) => probabilities)
  await classifier.release()
  return results
}

describe.skipIf(!online)('a program of ten lines', () => {
  it('fine-tunes a model of the hub, answers, is kept and opened again; its types are right', async () => {
    const folder = installed('fine-tune')
    const lines = readFileSync(join(folder, 'program.ts'), 'utf8').split('\n')
    expect(lines.filter((line) => line.trim() !== '' && !line.startsWith('import ')).length).toBeLessThanOrEqual(12)
    expect(typecheck(folder)).toBe('')
    const hub = await hubServer(tinyEncoder(), 'a'.repeat(40))
    const env = { HF_ENDPOINT: hub.endpoint, HF_HOME: join(folder, 'hf'), HF_HUB_OFFLINE: '' }
    const { code, stdout, stderr } = await runTypeScript(folder, 'program.ts', env)
    await hub.close()
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout.match(/^epoch \d .*$/gm)).toHaveLength(4)
    type Said = [Record<string, number>, { label: string; probabilities: number[] }[]]
    const [tuned, again] = (stdout.match(/^\[.*$/gm) ?? []).map((line) => JSON.parse(line) as Said) as [Said, Said]
    expect(tuned[0].accuracy).toBeGreaterThanOrEqual(0)
    expect(['cancel', 'track']).toContain(tuned[1][0]?.label)
    expect(again[0]).toEqual(tuned[0])
    expect(again[1][0]?.probabilities).toBeAllclose(tuned[1][0]?.probabilities ?? [], { atol: 1e-6 })
  })
})

const entries = readdirSync(join(root, 'packages')).flatMap((name) => {
  const { exports } = JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'))
  return Object.keys(exports).flatMap((path) => (path.endsWith('.json') ? [] : [`@cola/${name}${path.slice(1)}`]))
})

describe.skipIf(!online)('a strict project without lib.dom', () => {
  let folder = ''
  beforeAll(() => {
    folder = installed('strict')
  })

  it('imports every entry', () => {
    const text = readFileSync(join(folder, 'entries.ts'), 'utf8')
    expect([...text.matchAll(/ from '(.*)'/g)].map(([, name]) => name).sort()).toEqual(entries.sort())
  })

  it.each(['typescript', 'typescript-5.7'])(
    'has no errors in %s',
    (compiler) => {
      for (const module of ['nodenext', 'preserve']) {
        const tsc = join(folder, 'node_modules', compiler, 'bin/tsc')
        const { stdout } = spawnSync(process.execPath, [tsc, '-p', folder, '--module', module], { encoding: 'utf8' })
        expect(stdout, module).toBe('')
      }
    },
    120_000,
  )
})

describe.skipIf(!online)('a Node service', () => {
  it('answers with the adapter that a request names, and is not stalled meanwhile', async () => {
    const folder = installed('node-service')
    const names = ['first', 'second', 'third']
    const models = new Map<string, LoraModel>()
    for (const [i, name] of names.entries()) models.set(name, await adapterAt(join(work, name), i + 1))
    const service = await startService(
      'node-service',
      { MODEL: embedded, ADAPTERS: names.map((name) => `${name}=${join(work, name)}`).join(), MAX_TEXTS: '500' },
      folder,
    )
    try {
      const ask = async (adapter: string, list = texts) =>
        (await fetch(service.url, { method: 'POST', body: JSON.stringify({ adapter, texts: list }) })).json()
      for (const name of [...names, ...names.toReversed()]) {
        const model = models.get(name) as LoraModel
        const answers = (await ask(name)) as { probabilities: number[] }[]
        expect(answers.flatMap(({ probabilities }) => probabilities)).toBeAllclose(
          (await expected(model, name)).flat(),
          { atol: 1e-4 },
        )
      }
      expect(await ask('fourth')).toEqual({ error: 'adapter: no adapter of this name', adapters: names })
      // Long requests are under way, and others are answered before them.
      const order: string[] = []
      const many = Array.from({ length: 500 }, () => texts[0] as string)
      const long = Promise.all(Array.from({ length: 20 }, () => ask('first', many))).then(() => order.push('long'))
      await new Promise((resolve) => setTimeout(resolve, 50))
      await fetch(service.url).then(() => order.push('short'))
      await long
      expect(order).toEqual(['short', 'long'])
      expect(await service.end('SIGTERM')).toBe(0)
    } finally {
      await service.end('SIGKILL')
    }
  })
})

describe.skipIf(!online)('a service with a language model', () => {
  it('generates with the adapter that a request names', async () => {
    const folder = installed('language-service')
    const { model } = await loadPretrained(embedded)
    const poet = join(work, 'poet')
    writeAdapter(poet, moved(lora(model, { task_type: 'CAUSAL_LM', r: 2, target_modules: ['c_attn'] }), 1))
    const service = await startService('language-service', { MODEL: embedded, ADAPTERS: `poet=${poet}` }, folder)
    const generator = await openGenerator(embedded, { adapters: { poet } })
    try {
      const asked = { prompt: texts[0] as string, adapter: 'poet' as const, max_new_tokens: 12 }
      const answer = await fetch(service.url, { method: 'POST', body: JSON.stringify(asked) })
      const { prompt, ...options } = asked
      expect(await answer.text()).toBe(await generator.generate(prompt, options))
      expect(await service.end('SIGTERM')).toBe(0)
    } finally {
      await generator.release()
      await service.end('SIGKILL')
    }
  })
})

describe.skipIf(!online)('transformers.js', () => {
  it.each([
    ['float32', 'fp32'],
    ['int4', 'q4'],
  ] as const)(
    'loads what was exported for it as %s',
    async (dtype, DTYPE) => {
      const folder = installed('transformers-js')
      const model = await adapterAt(join(work, 'third'), 3)
      const { config, model: base } = await loadPretrained(embedded, { num_labels: 2 })
      const exported = join(work, `for-transformers-js-${dtype}`)
      exportMerged(merge(loadAdapter(base, await openAdapter(join(work, 'third')))), {
        folder: exported,
        config,
        tokenizerFolder: embedded,
        labels: ['bad', 'good'],
        layout: 'hub',
        dtype,
      })
      const { stdout, stderr, status } = spawnSync(process.execPath, ['classify.mjs', exported, ...texts], {
        cwd: folder,
        encoding: 'utf8',
        env: { ...process.env, DTYPE },
      })
      expect(status, stderr).toBe(0)
      const answers = JSON.parse(stdout) as { label: string; score: number }[]
      const classifier = await loadClassifier(exported)
      const own = (await classifier.classify(texts)).map(({ probabilities }) => probabilities)
      await classifier.release()
      const probabilities = dtype === 'float32' ? await expected(model, 'third') : own
      expect(answers.map(({ label }) => label)).toEqual(
        probabilities.map((row) => ['bad', 'good'][row.indexOf(Math.max(...row))]),
      )
      expect(answers.map(({ score }) => score)).toBeAllclose(
        probabilities.map((row) => Math.max(...row)),
        { atol: 1e-4 },
      )
    },
    300_000,
  )

  it('generates with GPT-2 as it was exported for it, token by token what is generated here', async () => {
    const folder = installed('transformers-js')
    const train = texts.map((text) => ({ text }))
    const tuned = await fineTune(embedded, { task: 'CAUSAL_LM', train, epochs: 4, learning_rate: 1e-2, device: 'cpu' })
    const exported = join(work, 'gpt2-for-transformers-js')
    await tuned.export(exported, { layout: 'hub' })
    await tuned.release()
    const prompts = ['The girls', 'The girls in the garden']
    const run = spawnSync(process.execPath, ['generate.mjs', exported, ...prompts], { cwd: folder, encoding: 'utf8' })
    expect(run.status, run.stderr).toBe(0)
    const { tokenizer } = await openBase(exported)
    const generator = await openGenerator(exported)
    const ids = prompts.map((text) => tokenizer.encode(text, { add_special_tokens: false }))
    expect(JSON.parse(run.stdout)).toEqual(await generator.generate(ids, { max_new_tokens: 6, eos_token_id: [] }))
    await generator.release()
  })

  it.each([
    ['decoder-gemma2', 'fp32', { dtype: 'float32' }],
    ['decoder-qwen2', 'fp32', { dtype: 'float32' }],
    ['decoder-llama-int4', 'fp32', { dtype: 'float32' }],
    ['decoder-llama-int4', 'fp16', { dtype: 'float16' }],
    ['decoder-llama-int4', 'q4', { dtype: 'packed' }],
    ['decoder-llama-int4', 'q4', { merge: false }],
  ] as const)(
    'generates with %s as %s as it was exported with %o',
    async (name, DTYPE, form) => {
      const folder = installed('transformers-js')
      const { prompt, greedy } = ofPeft(name)
      const text = prompt.map((id) => `w${id}`).join(' ')
      const { vocab_size } = JSON.parse(readFileSync(join(decoders, name, 'config.json'), 'utf8'))
      const base = decoderFiles(name, vocab_size)
      const tuned = await loadFineTuned(join(decoders, name, 'adapter'), { task: 'CAUSAL_LM', base })
      const exported = join(work, `${name}-${Object.values(form)}`)
      await tuned.export(exported, { ...form, layout: 'hub' })
      const max_new_tokens = greedy.length
      const own = await tuned.generate(text, { max_new_tokens, eos_token_id: [] })
      expect(own.trim()).toBe(greedy.map((id) => `w${id}`).join(' '))
      await tuned.release()
      const run = spawnSync(process.execPath, ['generate.mjs', exported, text], {
        cwd: folder,
        encoding: 'utf8',
        env: { ...process.env, DTYPE, TOKENS: String(max_new_tokens) },
      })
      expect(run.status, run.stderr).toBe(0)
      expect(JSON.parse(run.stdout)).toEqual([greedy])
    },
    300_000,
  )
})
