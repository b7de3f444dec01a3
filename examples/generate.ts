// Fine-tunes a GPT-2 language model with LoRA to another style, and shows what it writes before and after.
// npm run generate -- [--model FOLDER|HUB_NAME] [--text FILE.txt] [--prompt ''] [--epochs 3] [--lr 1e-2] [--rank 8]
// [--temperature 0.8] [--top-k 0] [--top-p 0.95] [--seed 1] [--device cpu] Offline, the embedded model, which wrote
// statements and questions alike, learns to ask questions only.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { encodeTexts, generateSentences, longestInput, packForLanguageModel } from '@cola/data'
import { countParameters, createGenerator, formatParameters, loadPretrained, lora, withParameters } from '@cola/lora'
import { adamw, crossEntropy, type Device, generateArtifacts, Trainer, TrainingSession } from '@cola/train'
import { progressBar } from './support/progress.ts'

const embedded = join(import.meta.dirname, 'model')
const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: embedded },
    text: { type: 'string' },
    prompt: { type: 'string', default: '' },
    epochs: { type: 'string', default: '3' },
    lr: { type: 'string', default: '1e-2' },
    rank: { type: 'string', default: '8' },
    temperature: { type: 'string', default: '0.8' },
    'top-k': { type: 'string', default: '0' },
    'top-p': { type: 'string', default: '0.95' },
    seed: { type: 'string', default: '1' },
    device: { type: 'string', default: 'cpu' },
  },
})
const seed = Number(options.seed)
const device = options.device as Device

// ## Texts of the style: a file of them, a line each; offline, the generator's acceptable questions
const questions = () =>
  generateSentences({ seed: seed + 40, count: 6000 }).filter(({ text, label }) => label === 1 && text.endsWith('?'))
const texts = options.text ? readFileSync(options.text, 'utf8').trim().split('\n') : questions().map(({ text }) => text)

// ## The model twice over: for training, and with a cache for generation. An adapter fits both
const { model, config, tokenizer } = await loadPretrained(options.model, { head: 'language-model' })
const { model: cached } = await loadPretrained(options.model, { head: 'language-model', cache: true })
const loraConfig = {
  r: Number(options.rank),
  lora_alpha: 2 * Number(options.rank),
  target_modules: ['c_attn', 'c_proj', 'c_fc'],
  fan_in_fan_out: true,
}
const injected = lora(model, loraConfig, { seed })
const { rows: encoded } = encodeTexts(tokenizer, texts, { max_length: longestInput(config, tokenizer) })
// Of a prompt that is too long, the end stays; at least one place is for a new token.
const start = options.prompt
  ? tokenizer.encode(options.prompt, { max_length: config.n_positions - 1, truncation_side: 'left' })
  : [encoded[0]?.input_ids[0] as number]
const ends = new Set(['.', '?', '!'])

/** Five texts, each up to its end. */
async function write(from: Parameters<typeof createGenerator>[0]): Promise<string[]> {
  const generator = await createGenerator(from, { config, device })
  const written: string[] = []
  for (let i = 0; i < 5; i++) {
    const sampling = {
      do_sample: true,
      temperature: Number(options.temperature),
      top_k: Number(options['top-k']),
      top_p: Number(options['top-p']),
    }
    const ids = await generator.generate(start, {
      ...sampling,
      seed: seed + i,
      max_new_tokens: Math.min(24, config.n_positions - start.length),
    })
    const last = ids.findIndex((id) => ends.has(tokenizer.decode([id]).trim()))
    written.push(tokenizer.decode([...start, ...(last < 0 ? ids : ids.slice(0, last + 1))]))
  }
  await generator.release()
  return written
}
const before = await write(cached)

// ## Training
console.log(`${texts.length} texts; ${formatParameters(countParameters(injected))}`)
const session = await TrainingSession.create({
  artifacts: generateArtifacts(injected, { loss: crossEntropy(), optimizer: adamw({ max_grad_norm: 1 }) }),
  device,
  seed,
})
const rows = encoded.map(({ input_ids }) => input_ids).filter((row) => row.length > 1)
const trainer = new Trainer({
  session,
  data: { train: rows, collate: packForLanguageModel, tokens: (row) => row.length },
  epochs: Number(options.epochs),
  batch_size: 32,
  learning_rate: Number(options.lr),
  seed,
  callbacks: {
    onStep: progressBar,
    onEpoch: ({ epoch, train_loss }) =>
      console.log(`epoch ${epoch}: loss ${train_loss.toFixed(3)}, perplexity ${Math.exp(train_loss).toFixed(1)}`),
  },
})
await trainer.train()
const after = await write(withParameters(lora(cached, loraConfig, { seed }), await session.getParameters()))
await session.release()

// ## Before and after
for (const [title, written] of [
  ['before', before],
  ['after', after],
] as const) {
  console.log(`\n${title}`)
  for (const text of written) console.log(`  ${text}`)
}
