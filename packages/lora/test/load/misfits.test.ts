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
  type Model,
  readModel,
  writeModel,
} from '@cola/graph'
import { describe, expect, it } from 'vitest'
import {
  adapterTensors,
  ConfigError,
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
  // Positions that a file holds are no weights.
  const weights = new Map([...graph.initializers].filter(([, { dtype }]) => dtype === 'float32'))
  const layout = layoutExternal(weights, { location: dataFile, threshold: 64, alignment: 64 })
  const bytes = memoryFiles({
    'config.json': json({ ...parsed(readFileSync(join(folder, 'config.json'))), ...sizes, ...config }),
    'model.onnx': writeModel(graph, layout),
    [dataFile]: concatenateChunks(externalChunks(weights, layout)),
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

const bertFields = { ...sizes, num_key_value_heads: undefined, vocab_size: 24, num_hidden_layers: 1 }
const gpt2Fields = {
  ...{ hidden_size: undefined, num_attention_heads: undefined, num_key_value_heads: undefined },
  ...{ n_layer: 1, n_head: 2, n_embd: 8, n_positions: 12, vocab_size: 24 },
}
/** A decoder whose cache Concat joins, so that no attribute shows its heads. */
const cached = '../generation'
const cachedFields = { hidden_size: 16, num_attention_heads: 2, num_key_value_heads: 1, max_position_embeddings: 64 }
const kindOfLayers = /its kind of layers is not that of config.json \(model_type\)/

/** Files beside the configuration of another model: the fields that differ, and what is said of them. */
const otherConfigs: readonly (readonly [name: string, config: object, message: RegExp])[] = [
  [encoder, { model_type: 'llama', architectures: ['LlamaForCausalLM'] }, kindOfLayers],
  [encoder, { model_type: 'gpt2', architectures: ['GPT2LMHeadModel'] }, kindOfLayers],
  ['bert-bare-torchscript', { model_type: 'qwen2' }, kindOfLayers],
  ['distilbert-seq-torchscript', { model_type: 'bert' }, kindOfLayers],
  ['albert-seq-torchscript', { model_type: 'roberta' }, kindOfLayers],
  ['gpt2-lm-dynamo', { model_type: 'llama' }, kindOfLayers],
  [decoder, { model_type: 'bert' }, kindOfLayers],
  [decoder, { vocab_size: 25 }, /vocabulary.*\(vocab_size\), expected 25, found 24/],
  [decoder, { vocab_size: 16 }, /vocabulary.*expected 16, found 24/],
  [encoder, { hidden_size: 16 }, /width is not that of config.json \(hidden_size\), expected 16, found 8/],
  ['bert-seq-torchscript', { num_hidden_layers: 2 }, /number of layers.*expected 2, found 1/],
  [encoder, { num_attention_heads: 4 }, /number of heads.*expected 4, found 2/],
  [encoder, { max_position_embeddings: 13 }, /number of positions.*expected 13, found 12/],
  [decoder, { num_hidden_layers: 3 }, /number of layers.*expected 3, found 1/],
  [decoder, { num_attention_heads: 4, num_key_value_heads: 2 }, /number of heads.*expected 4, found 2/],
  [decoder, { num_key_value_heads: 2 }, /number of heads of keys.*expected 2, found 1/],
  ['gpt2-lm-dynamo', { ...gpt2Fields, n_head: 4 }, /number of heads.*expected 4, found 2/],
  ['gpt2-lm-dynamo', { ...gpt2Fields, n_embd: 4 }, /width.*expected 4, found 8/],
  // Types whose layers have the same names.
  ...['roberta-seq-dynamo', 'roberta-tok-torchscript'].map(
    (name) => [name, { model_type: 'bert', pad_token_id: 0 }, /padding token.*expected 0, found 1/] as const,
  ),
  [
    'bert-seq-torchscript',
    { model_type: 'roberta', type_vocab_size: 1 },
    /number of types of tokens.*\(type_vocab_size\), expected 1, found 2/,
  ],
  // Positions 0, 1, 2, ..., where RoBERTa's follow the padding token.
  ...['bert-seq-torchscript', 'bert-mlm-dynamo'].map(
    (name) =>
      [
        name,
        { model_type: 'xlm-roberta', pad_token_id: 1 },
        /first position.*\(model_type, pad_token_id\), expected 2, found 0/,
      ] as const,
  ),
  // ALBERT's layers share their weights.
  ['albert-seq-torchscript', { num_hidden_layers: 3, embedding_size: 4 }, /number of layers.*expected 3, found 2/],
  ['albert-wide-seq-dynamo', { embedding_size: 8 }, /width.*\(embedding_size\), expected 8, found 4/],
  ...[{ rope_theta: 500000 }, { rope_parameters: { rope_type: 'default', rope_theta: 500000 } }].map(
    (config) => [decoder, config, /base of rotary positions.*\(rope_theta\), expected 500000, found 10000/] as const,
  ),
  [decoder, { model_type: 'phi', partial_rotary_factor: 0.5 }, /size of rotary positions.*expected 2, found 4/],
  ...[
    { config: { num_key_value_heads: 2 }, message: 'number of heads of keys.*expected 2, found 1' },
    { config: { head_dim: 4 }, message: 'size of a head.*expected 4, found 8' },
  ].map(
    ({ config, message }) =>
      [cached, { ...cachedFields, ...config }, new RegExp(`input "past_key_values.0.key": its ${message}`)] as const,
  ),
]

/** Configurations of the same model: padded tables, other heads, fields that are not there. */
const ownConfigs: readonly (readonly [name: string, config: object])[] = [
  [decoder, { vocab_size: 23 }],
  [decoder, { vocab_size: undefined, hidden_size: undefined, num_attention_heads: undefined }],
  [decoder, { num_hidden_layers: 1, max_position_embeddings: 8192, id2label: { 0: 'a', 1: 'b', 2: 'c', 3: 'd' } }],
  [decoder, { model_type: 'new', num_hidden_layers: 1 }],
  [encoder, { ...bertFields, max_position_embeddings: 10, num_labels: 5 }],
  ['bert-bare-torchscript', { ...bertFields, architectures: ['BertForSequenceClassification'] }],
  ['roberta-seq-dynamo', { ...bertFields, model_type: 'xlm-roberta' }],
  ['albert-wide-seq-dynamo', { ...bertFields, num_hidden_layers: 2, embedding_size: 4 }],
  ['distilbert-seq-torchscript', { dim: 8, n_layers: 1, n_heads: 2, vocab_size: 24 }],
  ['gpt2-lm-dynamo', gpt2Fields],
  ...['roberta-seq-dynamo', 'roberta-tok-torchscript'].map(
    (name) => [name, { ...bertFields, pad_token_id: 1, type_vocab_size: 2 }] as const,
  ),
  ['bert-seq-torchscript', { ...bertFields, pad_token_id: 3, type_vocab_size: 2 }],
  ['albert-seq-torchscript', { ...bertFields, num_hidden_layers: 2, embedding_size: 4, type_vocab_size: 2 }],
  [decoder, { rope_theta: 10000, rope_scaling: null, head_dim: 4 }],
  [decoder, { rope_parameters: { rope_type: 'default', rope_theta: 10000, partial_rotary_factor: 1 } }],
  [decoder, { partial_rotary_factor: 0.5 }],
  // Scaled frequencies are not those of the base alone.
  [decoder, { rope_theta: 500000, rope_scaling: { rope_type: 'llama3', factor: 8 } }],
  [decoder, { model_type: 'new', rope_theta: 500000 }],
  [cached, cachedFields],
]

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

describe('beside the config.json of another model is refused before weights are read', () => {
  it.each(otherConfigs)('%s, %j', async (name, config, message) => {
    const { files, weightsRead } = model(name, { config })
    const error = await openOnnxModel(files).catch((cause: unknown) => cause)
    expect(error).toBeInstanceOf(ConfigError)
    expect((error as Error).message).toMatch(message)
    expect(weightsRead()).toBe(0)
    await expect(fineTune(files, { ...run, train: labelled })).rejects.toThrow(message)
  })
})

describe('beside its own config.json opens', () => {
  it.each(ownConfigs)('%s, %j', async (name, config) => {
    const { model: opened } = await openOnnxModel(model(name, { config }).files)
    expect(opened.graph.nodes.length).toBeGreaterThan(0)
  })
})

it('layers that share their weights are counted by the scopes of the newer exporter', async () => {
  const name = 'albert-wide-seq-dynamo'
  const { files } = model(name)
  // Written again, the file would lack them.
  const bytes = readFileSync(join(exports, name, 'model.onnx'))
  const open = (num_hidden_layers: number) => {
    const config = { ...parsed(files.read('config.json')), num_hidden_layers, embedding_size: 4 }
    const own = ['tokenizer.json', 'tokenizer_config.json'].map((file) => [file, files.read(file)] as const)
    return openOnnxModel(memoryFiles({ ...Object.fromEntries(own), 'config.json': json(config), 'model.onnx': bytes }))
  }
  for (const layers of [1, 3])
    await expect(open(layers)).rejects.toThrow('its number of layers is not that of config.json')
  expect((await open(2)).model.graph.nodes.length).toBeGreaterThan(0)
})

it('a generator is refused the configuration of another model', async () => {
  const base = await openBase(memoryFiles(decoderFiles('decoder-qwen3')))
  const config = { ...base.config, num_hidden_layers: 3 }
  const cached = base.cachedLanguageModel() as Model
  await expect(createGenerator(cached, { config })).rejects.toThrow(/number of layers.*expected 3, found 2/)
})

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
