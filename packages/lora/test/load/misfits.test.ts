// Files that do not belong together, and texts that do not fit a model, are refused before its weights are read.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Files, memoryFiles } from '@cola/data'
import {
  ColaError,
  concatenateChunks,
  externalChunks,
  float32,
  layoutExternal,
  readModel,
  writeModel,
} from '@cola/graph'
import { describe, expect, it } from 'vitest'
import {
  adapterTensors,
  createGenerator,
  fineTune,
  loadAdapter,
  lora,
  openBase,
  openOnnxModel,
} from '../../src/index.ts'
import { decoderFiles, json, parsed, wordTokenizer } from '../support/decoder-files.ts'

const exports = join(import.meta.dirname, '../fixtures/exports')
const dataFile = 'model.onnx_data'
/** Of the fixtures. */
const sizes = { hidden_size: 8, num_attention_heads: 2, num_key_value_heads: 1, max_position_embeddings: 12 }

interface Changes {
  config?: object
  words?: number
  tokenizerConfig?: object
}

/** A model whose weights lie in a file of their own, and the number of their bytes that were read. */
function model(name: string, { config = {}, words = 24, tokenizerConfig = {} }: Changes = {}) {
  const folder = join(exports, name)
  const graph = readModel(readFileSync(join(folder, 'model.onnx')))
  const layout = layoutExternal(graph.initializers, { location: dataFile, threshold: 64, alignment: 64 })
  const bytes = memoryFiles({
    'config.json': json({ ...parsed(readFileSync(join(folder, 'config.json'))), ...sizes, ...config }),
    'model.onnx': writeModel(graph, layout),
    [dataFile]: concatenateChunks(externalChunks(graph.initializers, layout)),
    'tokenizer.json': json(wordTokenizer(words)),
    'tokenizer_config.json': json({ eos_token: 'w2', ...tokenizerConfig }),
  })
  let count = 0
  const files: Files = {
    ...bytes,
    read(file, begin, end) {
      const part = bytes.read(file, begin, end)
      if (file === dataFile) count += part.length
      return part
    },
  }
  return { files, weightsRead: () => count }
}

const words = (count: number): string => Array.from({ length: count }, (_, i) => `w${3 + (i % 18)}`).join(' ')
const texts = [4, 5, 6, 7].map((count) => ({ text: words(count) }))
const labelled = texts.map((row, i) => ({ ...row, label: i % 2 }))
const chats = texts.map(({ text }) => ({
  messages: [
    { role: 'user', content: text },
    { role: 'assistant', content: text },
  ],
}))
const run = { epochs: 1, device: 'cpu', lora: { target_modules: 'all-linear', r: 2 } } as const
const languageModel = (files: Files, train: object[]) =>
  fineTune(files, { ...run, task: 'CAUSAL_LM', train: train as typeof texts })
const [decoder, encoder] = ['llama-lm-torchscript', 'bert-mlm-dynamo']

const template = (chat_template: unknown): Changes => ({ tokenizerConfig: { chat_template } })
type Case = readonly [string, ReturnType<typeof model>, (files: Files) => unknown, RegExp]
const cases: readonly Case[] = [
  ['an encoder as a language model', model(encoder), (files) => languageModel(files, texts), /not a language model/],
  [
    'an encoder by the class of a language model',
    model(encoder, { config: { architectures: ['BertLMHeadModel'] } }),
    (files) => languageModel(files, texts),
    /not a language model/,
  ],
  [
    'an encoder as a generator',
    model(encoder),
    async (files) => {
      const opened = await openOnnxModel(files)
      return createGenerator(opened.model, { config: opened.config })
    },
    /it keeps no keys and values/,
  ],
  [
    'other heads',
    model(decoder, { config: { num_attention_heads: 7 } }),
    openBase,
    /"model.layers.0.self_attn.[qk]_proj": its number of heads.* is not that of config.json/,
  ],
  ['heads of another size', model(decoder, { config: { head_dim: 3 } }), openBase, /_proj": its number of heads/],
  [
    'other heads in the configuration of the text model',
    model(decoder, {
      config: { num_attention_heads: undefined, text_config: { num_attention_heads: 7 } },
    }),
    openBase,
    /is not that of config.json/,
  ],
  ['no chat template', model(decoder), (files) => languageModel(files, chats), /chat_template: the tokenizer has none/],
  [
    'a chat template that does not parse',
    model(decoder, template('{% for message in messages %}')),
    (files) => languageModel(files, chats),
    /chat_template: not a Jinja template.*own tokenizer_config.json/,
  ],
  ...[5, {}, [null], [{ name: 'default' }]].map(
    (value): Case => [
      `the chat template ${JSON.stringify(value)}`,
      model(decoder, template(value)),
      (files: Files) => languageModel(files, chats),
      /train, row 1, field "messages", chat_template: not a template, expected a text, or an array/,
    ],
  ),
  [
    'prompts without a place for their completion',
    model(decoder, { config: { max_position_embeddings: 8 } }),
    (files) => languageModel(files, [{ prompt: words(9), completion: words(2) }]),
    /no token that can be learned/,
  ],
  [
    'another vocabulary, for a language model',
    model(decoder, { words: 99 }),
    (files) => languageModel(files, texts),
    /the tokenizer's vocabulary is not the model's/,
  ],
  ...[decoder, encoder].map(
    (name): Case => [
      `another vocabulary, for a classifier on ${name}`,
      model(name, { words: 999 }),
      (files: Files) => fineTune(files, { ...run, train: labelled }),
      /the tokenizer's vocabulary is not the model's/,
    ],
  ),
  [
    'an adapter for matrices of other sizes',
    model(decoder),
    async (files) => {
      const base = (await openBase(files)).hiddenStates()
      const adapted = lora(base, { r: 2, target_modules: ['q_proj'] })
      const double = [...adapterTensors(adapted)].map(
        ([
          name,
          {
            dims: [a = 0, b = 0],
          },
        ]) => [name, float32([2 * a, 2 * b], new Float32Array(4 * a * b))],
      ) as [string, ReturnType<typeof float32>][]
      return loadAdapter(base, { config: adapted.config, tensors: new Map(double) })
    },
    /its shape does not fit the model/,
  ],
]

describe('is refused before weights are read', () => {
  it.each(cases)('%s', async (_, { files, weightsRead }, call, message) => {
    const error = await (async () => call(files))().catch((cause: unknown) => cause)
    expect(error).toBeInstanceOf(ColaError)
    expect((error as Error).message).toMatch(message)
    expect(weightsRead()).toBe(0)
  })
})

it('a prompt longer than the positions is refused before the model with its cache is read', async () => {
  const { 'config.json': config, ...rest } = decoderFiles('decoder-qwen3')
  const bytes = memoryFiles({ ...rest, 'config.json': json({ ...parsed(config), max_position_embeddings: 16 }) })
  let count = 0
  const files: Files = {
    ...bytes,
    read(file, begin, end) {
      count += Number(file.endsWith('.onnx'))
      return bytes.read(file, begin, end)
    },
  }
  const tuned = await fineTune(files, { ...run, task: 'CAUSAL_LM', train: texts })
  const before = count
  await expect(tuned.generate(words(30))).rejects.toThrow(/prompt: no place left.*fewer than 16 tokens, found 30/)
  await expect(tuned.generate([words(3), words(30)])).rejects.toThrow(/prompt 2: no place left/)
  expect(count).toBe(before)
  await tuned.generate(words(3), { max_new_tokens: 1 })
  expect(count).toBeGreaterThan(before)
  await tuned.release()
})
