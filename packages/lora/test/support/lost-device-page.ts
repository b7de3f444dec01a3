// Runs in the browser: models of every kind that answer on WebGPU, before and after the GPU's process ends.

import { memoryFiles, memorySink } from '@cola/data'
import { createGenerator, type FineTuned, fineTune, loadFineTuned } from '../../src/index.ts'
import { builtGpt2 } from './generation-page.ts'

/** The test's function: ends the GPU's process. */
declare const crashGpu: () => Promise<void>

const texts = ['a b', 'b b', 'a c', 'c b']
const train = texts.map((text, i) => ({ text, label: i % 2 ? 'no' : 'yes' }))

/** What was answered before a loss and after it: by a model as it was trained, the same from its folder, and generation. */
async function answers(files: Readonly<Record<string, string>>) {
  const base = memoryFiles(
    Object.fromEntries(
      Object.entries(files).map(([name, text]) => [
        name,
        Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)),
      ]),
    ),
    'tiny',
  )
  const device = 'webgpu'
  const trained = await fineTune(base, { train, epochs: 1, learning_rate: 0.05, device })
  const saved = memorySink('saved')
  await trained.save(saved)
  const loaded = await loadFineTuned(saved, { base, device })
  const { config, model } = builtGpt2()
  const generator = await createGenerator(model, { config, device })
  const scores = async (one: FineTuned) => Array.from(await one.logits(texts))
  const ask = async () => ({
    trained: await Promise.all([scores(trained), scores(trained)]),
    loaded: await scores(loaded),
    tokens: await generator.generate([[3, 17], [5]], { max_new_tokens: 4, eos_token_id: [] }),
  })
  const before = await ask()
  await crashGpu()
  // What is saved needs no device.
  const again = memorySink('again')
  await trained.save(again)
  const after = await ask()
  const sizes = [saved, again].map((sink) => sink.read('adapter_model.safetensors').join())
  for (const one of [trained, loaded, generator]) await one.release()
  return { before, after, saved: sizes[0] === sizes[1] }
}

Object.assign(globalThis, { answers, loaded: true })
