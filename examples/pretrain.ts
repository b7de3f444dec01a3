// %% [markdown]
// # The embedded GPT-2
//
// Pre-trains the small language model of examples/model, from random weights, on the generator's acceptable sentences:
//
//     npm run pretrain -- --out FOLDER

// %%
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createTokenizer, generateSentences, packForLanguageModel } from '@cola/data'
import { elementCount, float32ToFloat16, safetensorsChunks, tensor, toFloat32 } from '@cola/graph'
import { gpt2, parseGpt2Config, randomGpt2 } from '@cola/lora'
import { adamw, consoleProgress, crossEntropy, generateArtifacts, Trainer, TrainingSession } from '@cola/train'
import { writeFileAtomic } from '@cola/train/files'
import { embeddedModel } from './support/folders.ts'
import { commandLine } from './support/settings.ts'
import { tokenizerConfig, wordTokenizer } from './support/tokenizer.ts'

const settings = commandLine({
  epochs: 12,
  sentences: 24000,
  out: embeddedModel,
  seed: 7,
})
const { seed, out } = settings

// %% [markdown]
// ## Sentences
//
// Acceptable ones only. The seeds differ from those of the fine-tuning examples.

// %%
const generated = generateSentences({ seed, count: settings.sentences })
const tokenizerJson = wordTokenizer(generated.map(({ text }) => text))
const tokenizer = createTokenizer(tokenizerJson, tokenizerConfig)
const rows = generated.filter(({ label }) => label === 1).map(({ text }) => tokenizer.encode(text))
console.log(`${rows.length} sentences, ${tokenizer.vocabSize} tokens in the vocabulary`)

// %% [markdown]
// ## Model
//
// Four layers of 128, every parameter trainable.

// %%
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

// %% [markdown]
// ## Training
//
// Texts are packed: the loss is the mean over all tokens but the first of each sentence.

// %%
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
  epochs: settings.epochs,
  batch_size: 64,
  learning_rate: 2e-3,
  lr_scheduler_type: 'cosine',
  warmup: 0.03,
  seed,
  callbacks: consoleProgress(),
})
await trainer.train()

// %% [markdown]
// ## The folder
//
// Weights in half precision, as the hub would have them.

// %%
const trained = await session.getParameters()
await session.release()
mkdirSync(out, { recursive: true })
const halves = new Map(
  [...trained].map(([name, value]) => [name, tensor('float16', value.dims, float32ToFloat16(toFloat32(value)))]),
)
writeFileAtomic(join(out, 'model.safetensors'), safetensorsChunks(halves))
writeFileSync(join(out, 'config.json'), `${JSON.stringify(config, null, 2)}\n`)
writeFileSync(join(out, 'tokenizer.json'), `${JSON.stringify(tokenizerJson)}\n`)
writeFileSync(join(out, 'tokenizer_config.json'), `${JSON.stringify(tokenizerConfig, null, 2)}\n`)
