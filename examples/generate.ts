// %% [markdown]
// # A language model in another style
//
// Fine-tunes a decoder on texts, and shows what it writes before and after. Offline, the embedded GPT-2, which was
// trained on statements and questions alike, learns to ask questions only:
//
//     npm run generate
//     npm run generate -- --model FOLDER|HUB_NAME --text FILE.txt --prompt 'Once upon'

// %%
import { join } from 'node:path'
import { generateSentences } from '@cola/data'
import { consoleProgress, countParameters, fineTune, formatParameters } from '@cola/lora'
import type { Device } from '@cola/train'
import { drawCurve } from './support/curves.ts'
import { readLines } from './support/data.ts'
import { embeddedModel, outFolder } from './support/folders.ts'
import { commandLine } from './support/settings.ts'

// %% [markdown]
// ## Settings

// %%
const settings = commandLine({
  // Folder, or name on the hub: GPT-2's weights, or an ONNX decoder with its language-model head.
  model: embeddedModel,
  // A file with one text a line; where none is named: acceptable questions of the generator.
  text: '',
  // How the texts that are written begin.
  prompt: '',
  epochs: 3,
  batch: 32,
  lr: 1e-2,
  rank: 8,
  // Sampling: divides the logits; keeps the likeliest tokens (0: all); keeps those that reach a probability together.
  temperature: 0.8,
  topK: 0,
  topP: 0.95,
  // Longest text that is written, in tokens.
  tokens: 24,
  seed: 1,
  device: 'cpu',
  out: outFolder('generate'),
})
const { seed, out } = settings

// %% [markdown]
// ## Texts of the style

// %%
const questions = () =>
  generateSentences({ seed: seed + 40, count: 6000 }).filter(({ text, label }) => label === 1 && text.endsWith('?'))
const own = async () => (await readLines(settings.text)).filter((text) => text.trim() !== '').map((text) => ({ text }))
const rows = settings.text ? await own() : questions()
console.log(`${rows.length} texts, the first: ${rows[0]?.text}`)

// %% [markdown]
// ## What the model writes
//
// A learning rate of zero leaves the model as it is.

// %%
const common = {
  task: 'CAUSAL_LM',
  lora: { r: settings.rank, lora_alpha: 2 * settings.rank, target_modules: 'all-linear' },
  batch_size: settings.batch,
  seed,
  device: settings.device as Device,
} as const

/** Five texts, each up to the end of its first sentence. */
async function write(model: { generate: Awaited<ReturnType<typeof fineTune<'CAUSAL_LM'>>>['generate'] }) {
  for (let i = 0; i < 5; i++) {
    const made = await model.generate(settings.prompt, {
      do_sample: true,
      temperature: settings.temperature,
      top_k: settings.topK,
      top_p: settings.topP,
      seed: seed + i,
      max_new_tokens: settings.tokens,
    })
    console.log(`  ${settings.prompt}${/^.*?[.?!]/s.exec(made)?.[0] ?? made}`)
  }
}
const before = await fineTune(settings.model, {
  ...common,
  train: rows.slice(0, settings.batch),
  epochs: 1,
  learning_rate: 0,
})
await write(before)
// the queens held the coat.
await before.release()

// %% [markdown]
// ## Fine-tuning
//
// Each token is predicted from those before it. Perplexity is the exponential of the mean loss of a held-out token: among
// how many words the model wavers.

// %%
const tuned = await fineTune(settings.model, {
  ...common,
  train: rows,
  validation: 0.1,
  epochs: settings.epochs,
  learning_rate: settings.lr,
  callbacks: consoleProgress(),
})
// epoch 2  train loss 1.2479  eval loss 1.2368  perplexity 3.4445  *
console.log(formatParameters(countParameters(await tuned.adapted())))

// %% [markdown]
// ## What it writes now

// %%
await write(tuned)
// what did hugo break?

// %% [markdown]
// ## Kept, and its curve

// %%
await tuned.save(join(out, 'adapter'))
drawCurve(out, 'loss', tuned.training?.history ?? [], { title: 'A language model with LoRA' })
console.log(`\nwrote adapter and figure to ${out}`)
await tuned.release()
