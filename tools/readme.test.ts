// What a stranger does: in an empty folder, the line that a README says installs, the repository's own among them, and
// every TypeScript block after it runs.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decoderFiles, json } from '../packages/lora/test/support/decoder-files.ts'
import { hubServer } from './hub-server.ts'
import { install, online, pack, runTypeScript, typecheck } from './packed.ts'
import { root } from './root.ts'
import { tinyEncoder } from './tiny-encoder.ts'

const work = mkdtempSync(join(tmpdir(), 'cola-readme-'))
afterAll(() => rmSync(work, { recursive: true }), 600_000)

interface Block {
  code: string
  /** The last `npm install` line before it. */
  line: string
}

function blocksOf(markdown: string): Block[] {
  let line = ''
  return [...markdown.matchAll(/```(sh|ts)\n([\s\S]*?)```/g)].flatMap(([, language, code = '']) => {
    if (language === 'sh') line = /^npm install .*$/m.exec(code)?.[0] ?? line
    return language === 'ts' ? [{ code, line }] : []
  })
}

/** A tokenizer of a few words with a chat template, and a decoder with GroupQueryAttention and its cache. */
const decoder = () => ({
  ...decoderFiles('decoder-qwen3'),
  'tokenizer_config.json': json({
    eos_token: 'w2',
    chat_template: '{% for m in messages %}{{ m.content }} w7 {% endfor %}',
  }),
})

const gpt2 = (): Record<string, Uint8Array> =>
  Object.fromEntries(
    ['tokenizer.json', 'tokenizer_config.json'].map((name) => [name, readFileSync(join(root, 'examples/model', name))]),
  )

/** Tiny models stand for those on the hub, under the same names. */
const served: Readonly<Record<string, () => Record<string, Uint8Array>>> = {
  'Xenova/all-MiniLM-L6-v2': tinyEncoder,
  'onnx-community/Qwen3-0.6B-ONNX': decoder,
  'openai-community/gpt2': gpt2,
}

let packed: Record<string, string> = {}
beforeAll(async () => {
  if (online) packed = await pack(join(work, 'packed'))
})

/** A document's folder for an install line, within the one where the line was run, once for all documents. */
function folderFor(name: string, line: string): string {
  const [installed, own] = [line, name].map((text) => text.replaceAll(/\W+/g, '-')) as [string, string]
  if (!existsSync(join(work, installed))) install(join(work, installed), line, packed)
  const folder = join(work, installed, own)
  mkdirSync(folder, { recursive: true })
  return folder
}

/** Documents with samples, and the package that their install lines must name, if they are a package's README. */
const documents = [
  { name: 'the root README', path: join(root, 'README.md'), installs: '@cola/' },
  ...readdirSync(join(root, 'packages')).map((name) => ({
    name,
    path: join(root, 'packages', name, 'README.md'),
    installs: `@cola/${name}`,
  })),
  ...readdirSync(join(root, 'docs/guides')).map((name) => ({
    name: `guide ${basename(name, '.md')}`,
    path: join(root, 'docs/guides', name),
    installs: '@cola/',
  })),
]

describe.skipIf(!online)('samples of READMEs and guides', () => {
  for (const { name, path, installs } of documents) {
    const blocks = blocksOf(readFileSync(path, 'utf8'))
    it(`${name} has one, and says what to install`, () => {
      expect(blocks.length).toBeGreaterThan(0)
      for (const { line } of blocks) expect(line).toContain(installs)
    })
    blocks.forEach(({ code, line }, i) => {
      it(`${name} ${i + 1} runs after ${line}`, async () => {
        const folder = folderFor(name, line)
        writeFileSync(join(folder, `sample-${i + 1}.mts`), code)
        const repo = Object.keys(served).find((known) => code.includes(known))
        const hub = await hubServer(repo ? (served[repo] as () => Record<string, Uint8Array>)() : {}, 'a'.repeat(40))
        const env = { HF_ENDPOINT: hub.endpoint, HF_HOME: join(folder, 'hf'), HF_HUB_OFFLINE: '' }
        const { code: status, stderr } = await runTypeScript(folder, `sample-${i + 1}.mts`, env)
        expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
        expect(hub.requests.length > 0).toBe(repo !== undefined)
        await hub.close()
      })
    })
    it(`${name}'s types are right`, () => {
      for (const line of new Set(blocks.map((block) => block.line))) expect(typecheck(folderFor(name, line))).toBe('')
    })
  }
})

it.each(readdirSync(join(root, 'docs/guides')))(
  '%s begins with its title, from which docs/names.mjs names it',
  (name) => expect(readFileSync(join(root, 'docs/guides', name), 'utf8')).toMatch(/^# \S/),
)

describe.skipIf(!online)('without a runtime', () => {
  const sample = `
import { loadAdapter, lora, merge, gpt2, parseGpt2Config, randomGpt2, openAdapter, writeAdapter } from '@cola/lora'
import { crossEntropyLoss } from '@cola/distill'
import { adam, crossEntropy, DeviceError, generateArtifacts, OrtTensor, TrainingSession } from '@cola/train'

const config = parseGpt2Config({ model_type: 'gpt2', n_layer: 1, n_head: 2, n_embd: 8, n_positions: 8, vocab_size: 20 })
const base = gpt2(config, randomGpt2(config))
writeAdapter('adapter', lora(base, { task_type: 'SEQ_CLS', r: 2, target_modules: ['c_attn'] }))
const loaded = loadAdapter(base, await openAdapter('adapter'))
if (merge(loaded).graph.nodes.length === 0) throw new Error('nothing was merged')
if (!(crossEntropyLoss([1, 2], [0], {}).loss > 0)) throw new Error('no loss')
new OrtTensor('float32', Float32Array.of(1), [1])
const artifacts = generateArtifacts(loaded, { loss: crossEntropy(), optimizer: adam() })
for (const device of ['cpu', 'auto'] as const) {
  const error = await TrainingSession.create({ artifacts, device }).then(() => undefined, (reason) => reason)
  if (!(error instanceof DeviceError)) throw error
  console.log(error.message)
}
`
  it('files are read and written, losses computed, and a session says what to install', async () => {
    const folder = join(work, 'bare')
    install(folder, 'npm install @cola/lora @cola/distill @cola/train', packed)
    expect(existsSync(join(folder, 'node_modules/onnxruntime-node'))).toBe(false)
    writeFileSync(join(folder, 'sample.mts'), sample)
    const { code, stdout, stderr } = await runTypeScript(folder, 'sample.mts', {})
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const message =
      'onnxruntime-node: the runtime is not installed. Install it beside this package: npm install --ignore-scripts onnxruntime-node'
    expect(stdout.trim().split('\n')).toEqual([message, message])
  })
})
