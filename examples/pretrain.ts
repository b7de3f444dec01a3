// Pre-trains the small GPT-2 in examples/model as a language model on the generator's acceptable sentences.
// npm run pretrain -- [--epochs 12] [--sentences 24000] [--out examples/model]

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createTokenizer, generateSentences, packForLanguageModel } from '@cola/data'
import { elementCount, float32ToFloat16, safetensorsChunks, tensor, toFloat32 } from '@cola/graph'
import { gpt2, parseGpt2Config, randomGpt2 } from '@cola/lora'
import { adamw, crossEntropy, generateArtifacts, Trainer, TrainingSession, writeFileAtomic } from '@cola/train'
import { progressBar } from './support/progress.ts'
import { tokenizerConfig, wordTokenizer } from './support/tokenizer.ts'

const { values: options } = parseArgs({
  options: {
    epochs: { type: 'string', default: '12' },
    sentences: { type: 'string', default: '24000' },
    out: { type: 'string', default: join(import.meta.dirname, 'model') },
    seed: { type: 'string', default: '7' },
  },
})
const seed = Number(options.seed)

// ## Data: acceptable sentences only. The seeds differ from those of the fine-tuning examples.
const generated = generateSentences({ seed, count: Number(options.sentences) })
const tokenizerJson = wordTokenizer(generated.map(({ text }) => text))
const tokenizer = createTokenizer(tokenizerJson, tokenizerConfig)
const rows = generated.filter(({ label }) => label === 1).map(({ text }) => tokenizer.encode(text))
console.log(`${rows.length} sentences, ${tokenizer.vocabSize} tokens in the vocabulary`)

// ## Model: four layers of 128, every parameter trainable
const config = parseGpt2Config({
  model_type: 'gpt2',
  n_layer: 4,
  n_head: 4,
  n_embd: 128,
  n_positions: 32,
  vocab_size: tokenizer.vocabSize,
  activation_function: 'gelu_new',
  pad_token_id: 0,
  architectures: ['GPT2LMHeadModel'],
})
const parameters = randomGpt2(config, { seed, head: 'language-model' })
const model = { ...gpt2(config, parameters, { head: 'language-model' }), trainable: new Set(parameters.keys()) }
const parameterCount = [...parameters.values()].reduce((sum, { dims }) => sum + elementCount(dims), 0)
console.log(`${(parameterCount / 1e6).toFixed(2)}M parameters`)

// ## Training
const session = await TrainingSession.create({
  artifacts: generateArtifacts(model, {
    loss: crossEntropy(),
    optimizer: adamw({ weight_decay: 0.01, max_grad_norm: 1 }),
  }),
  device: 'cpu',
})
const trainer = new Trainer({
  session,
  data: {
    train: rows.slice(500),
    evaluation: rows.slice(0, 500),
    collate: packForLanguageModel,
    tokens: (row) => row.length,
  },
  epochs: Number(options.epochs),
  batch_size: 64,
  learning_rate: 2e-3,
  lr_scheduler_type: 'cosine',
  warmup: 0.03,
  seed,
  callbacks: {
    onStep: progressBar,
    onEpoch: ({ epoch, train_loss, eval_loss }) =>
      console.log(`epoch ${epoch}: train loss ${train_loss.toFixed(4)}, held-out loss ${eval_loss.toFixed(4)}`),
  },
})
await trainer.train()

// ## The result, in half precision, as the hub would have it
const trained = await session.getParameters()
await session.release()
mkdirSync(options.out, { recursive: true })
const halves = new Map(
  [...trained].map(([name, value]) => [name, tensor('float16', value.dims, float32ToFloat16(toFloat32(value)))]),
)
writeFileAtomic(join(options.out, 'model.safetensors'), safetensorsChunks(halves))
writeFileSync(join(options.out, 'config.json'), `${JSON.stringify(config, null, 2)}\n`)
writeFileSync(join(options.out, 'tokenizer.json'), `${JSON.stringify(tokenizerJson)}\n`)
writeFileSync(join(options.out, 'tokenizer_config.json'), `${JSON.stringify(tokenizerConfig, null, 2)}\n`)
