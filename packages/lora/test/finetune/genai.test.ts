// onnxruntime-genai goes on with what exports wrote as generate does here.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { createGenerator, loadFineTuned, openBase } from '../../src/index.ts'
import { decoderFiles, decoders, json } from '../support/decoder-files.ts'
import { ofPeft } from '../support/exported-decoder.ts'
import { genai, hasGenai } from '../support/genai.ts'
import { genaiConfig } from '../support/genai-config.ts'

const out = mkdtempSync(join(tmpdir(), 'cola-genai-'))
afterAll(() => rmSync(out, { recursive: true }))

const filesOf = (name: string) => {
  const config = genaiConfig(name)
  return { ...decoderFiles(name, config.model.vocab_size), 'genai_config.json': json(config) }
}
const names = ['qwen2', 'qwen3', 'phi3', 'gemma2', 'llama-int4'].map((name) => `decoder-${name}`)

describe.skipIf(!hasGenai)('onnxruntime-genai', () => {
  it.each(names)('%s: goes on with what was exported as with PEFT’s adapter', async (name) => {
    const tuned = await loadFineTuned(join(decoders, name, 'adapter'), { task: 'CAUSAL_LM', base: filesOf(name) })
    const { prompt, greedy } = ofPeft(name)
    const forms = [
      { dtype: 'float32' },
      { dtype: 'float16' },
      { dtype: 'float16', layout: 'hub' },
      { merge: false },
    ] as const
    const folders = forms.map((_, i) => join(out, `${name}-${i}`))
    for (const [i, form] of forms.entries()) await tuned.export(folders[i] as string, form)
    await tuned.release()
    const runs = folders.map((folder) => ({ folder, prompt, count: greedy.length }))
    expect(genai({ runs }).tokens).toEqual(folders.map(() => greedy))
  })

  it('goes on with a merged matrix in four bits as the same file does here', async () => {
    const name = 'decoder-llama-int4'
    const tuned = await loadFineTuned(join(decoders, name, 'adapter'), { task: 'CAUSAL_LM', base: filesOf(name) })
    const folder = join(out, 'packed')
    await tuned.export(folder, { dtype: 'packed' })
    await tuned.release()
    const base = await openBase(folder)
    const model = base.cachedLanguageModel() as NonNullable<ReturnType<typeof base.cachedLanguageModel>>
    const generator = await createGenerator(model, { config: base.config, accuracy_level: 4 })
    const { prompt } = ofPeft(name)
    const tokens = await generator.generate(prompt, { max_new_tokens: 12, eos_token_id: [] })
    await generator.release()
    expect(genai({ runs: [{ folder, prompt, count: 12 }] }).tokens).toEqual([tokens])
  })
})
