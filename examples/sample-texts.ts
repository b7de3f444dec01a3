// %% [markdown]
// # A transfer set from a language model
//
// A student learns from what a teacher says of unlabelled sentences. Where there are none, a language model that was
// fine-tuned on the training sentences writes them (Tang, Lu & Lin 2019). Stopped, the same command goes on:
//
//     npm run sample
//     npm run sample -- --model FOLDER|HUB_NAME --data cola_public --count 20000 --epochs 1 --lr 5e-4
//     npm run distill -- --unlabelled out/sample-texts/texts.jsonl

// %%
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { consoleProgress, fineTune, loadFineTuned, sampleTexts } from '@cola/lora'
import { type Device, stopSignal } from '@cola/train'
import { loadData } from './support/data.ts'
import { embeddedModel, outFolder } from './support/folders.ts'
import { commandLine } from './support/settings.ts'

// %% [markdown]
// ## Settings

// %%
const settings = commandLine({
  // Folder, or name on the hub: GPT-2's weights, or an ONNX decoder with its language-model head.
  model: embeddedModel,
  // generator, glue, a folder or zip of CoLA.
  data: 'generator',
  // Different sentences, none of them one of the data's.
  count: 200,
  temperature: 1,
  // The token that ends a sentence; empty: the tokenizer's (the embedded model has none, and takes the first).
  eosToken: '',
  // Longest sentence, in tokens; one that has not ended by then is dropped.
  tokens: 40,
  epochs: 4,
  batch: 32,
  lr: 1e-2,
  rank: 16,
  seed: 1,
  device: 'cpu',
  out: outFolder('sample-texts'),
})
const { seed, out } = settings
const device = settings.device as Device
const { signal } = stopSignal()
const eos_token = settings.eosToken || (settings.model === embeddedModel ? '[CLS]' : '')

// %% [markdown]
// ## The language model
//
// It learns the training sentences without their labels, the unacceptable ones too: the teacher should see some.

// %%
const { train, validation, heldOut } = await loadData(settings.data, seed)
const folder = join(out, 'model')
if (!existsSync(join(folder, 'adapter_config.json'))) {
  const tuned = await fineTune(settings.model, {
    task: 'CAUSAL_LM',
    train: train.map(({ text }) => ({ text })),
    lora: { r: settings.rank, lora_alpha: 2 * settings.rank, target_modules: 'all-linear' },
    ...(eos_token === '' ? {} : { eos_token }),
    epochs: settings.epochs,
    batch_size: settings.batch,
    learning_rate: settings.lr,
    seed,
    device,
    output_dir: join(out, 'run'),
    resume: true,
    signal,
    callbacks: consoleProgress(),
  })
  if (tuned.training?.stopped === 'aborted') process.exit(130)
  await tuned.save(folder)
  await tuned.release()
}

// %% [markdown]
// ## Its sentences

// %%
const model = await loadFineTuned(folder, { task: 'CAUSAL_LM', device })
const file = join(out, 'texts.jsonl')
const started = performance.now()
let sampled = 0
const texts = await sampleTexts(model, {
  count: settings.count,
  unlike: [...train, ...validation, ...heldOut.rows].map(({ text }) => text),
  temperature: settings.temperature,
  max_new_tokens: settings.tokens,
  seed,
  file,
  signal,
  onText: () => sampled++,
}).catch((error) => {
  if (!signal.aborted) throw error
  console.log(`\nstopped; start the same command again to go on (${file})`)
  process.exit(130)
})
for (const text of texts.slice(0, 3)) console.log(text)
// the sister mended the basket heavy.
const rate = sampled / ((performance.now() - started) / 1000)
console.log(`\nwrote ${texts.length} sentences to ${file}; ${sampled} now, ${rate.toFixed(1)} a second`)
await model.release()
