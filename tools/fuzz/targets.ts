// What is fuzzed: a row for each reader of foreign bytes, and for each door that takes options.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  createTokenizer,
  encodeForLanguageModel,
  encodeTexts,
  f1,
  type Files,
  longestInput,
  memoryFiles,
  memorySink,
  openFiles,
  packSteps,
  parseColaZip,
  parseGlueParquet,
  parseRecords,
  parseTable,
  random,
  readTokenizer,
  retrievalMetrics,
  splitRows,
  zipOf,
} from '@cola/data'
import { loadDistilled } from '@cola/distill'
import { type Model, parseSafetensors, readModel, serializeSafetensors, toNumbers } from '@cola/graph'
import {
  gpt2,
  type LoraConfig,
  loadAdapter,
  loadPretrained,
  lora,
  nextToken,
  openBase,
  openOnnxModel,
  parseGpt2Config,
  randomGpt2,
  openAdapter,
  withAdapter,
  withHead,
  writeAdapter,
} from '@cola/lora'
import { createStudent, loadStudent, parseDistilRnnConfig, parseStudentConfig, saveStudent } from '@cola/rnn'
import {
  adam,
  adamw,
  type Batch,
  crossEntropy,
  generateArtifacts,
  loadArtifacts,
  loadCheckpoint,
  saveArtifacts,
  saveCheckpoint,
  schedule,
  sgd,
  Trainer,
  TrainingSession,
} from '@cola/train'
import { moved } from '../moved.ts'
import { root } from '../root.ts'
import { smallGpt2 } from '../small-models.ts'
import { tinyEncoder } from '../tiny-encoder.ts'
import { bytes, json, type Mutation, parseJson, parseOdd, protobuf, safetensors, table } from './mutations.ts'

/** A reader of bytes, with inputs that it takes. */
export interface Target {
  mutate: Mutation
  /** Makes the inputs, and what all runs share. */
  open: () => Target.Opened | Promise<Target.Opened>
}

export declare namespace Target {
  interface Opened {
    /** Valid inputs that mutations start from. */
    seeds: readonly Uint8Array[]
    /** May throw typed errors, and nothing else. */
    read: (input: Uint8Array) => unknown
  }
}

const fixture = (path: string): Uint8Array => new Uint8Array(readFileSync(join(root, path)))
const text = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))

/** A target that is one file of a folder; the others are as they should be. */
const fileOf = (
  files: Readonly<Record<string, Uint8Array>>,
  name: string,
  read: (files: Files) => unknown,
): Target.Opened => ({
  seeds: [files[name] as Uint8Array],
  read: (input) => read(memoryFiles({ ...files, [name]: input })),
})

/** A target that is a table in a format. */
const tableOf = (format: string, seed: Uint8Array): Target.Opened => ({
  seeds: [seed],
  read: (input) => Promise.all([parseTable(input, format), parseRecords(input, format)]),
})

/** A target that is the options of some functions, each with valid ones: {name, options}. */
const optionsOf = (
  doors: Readonly<Record<string, readonly [valid: object, take: (options: never) => unknown]>>,
): Target.Opened => ({
  seeds: Object.entries(doors).map(([name, [options]]) => text([name, options])),
  read: (input) => {
    const given = parseOdd(input)
    const [name, options] = Array.isArray(given) ? given : []
    const door = typeof name === 'string' && Object.hasOwn(doors, name) ? doors[name] : undefined
    return door?.[1](options as never)
  },
})

const smallConfig = { model_type: 'gpt2', n_layer: 1, n_head: 2, n_embd: 8, n_positions: 16, vocab_size: 64 }
const loraConfig: LoraConfig = { task_type: 'SEQ_CLS', r: 2, target_modules: ['c_attn', 'c_fc'] }

function smallModel(): Model {
  const config = parseGpt2Config({ ...smallConfig, num_labels: 2 })
  return gpt2(config, randomGpt2(config))
}

/** A folder of a GPT-2 with one layer. */
function gpt2Folder(): Record<string, Uint8Array> {
  const parameters = randomGpt2(parseGpt2Config(smallConfig))
  const { 'tokenizer.json': tokenizer } = tinyEncoder()
  return {
    'config.json': text(smallConfig),
    'model.safetensors': serializeSafetensors(parameters),
    'tokenizer.json': tokenizer as Uint8Array,
  }
}

/** What a function that takes a sink writes. */
function written(write: (sink: ReturnType<typeof memorySink>) => unknown): Record<string, Uint8Array> {
  const sink = memorySink()
  write(sink)
  return Object.fromEntries(sink.names().map((name) => [name, sink.read(name).slice()]))
}

/** A target that is one file of an adapter's folder, which is loaded into the small model. */
function adapterFileOf(name: string, files: Readonly<Record<string, Uint8Array>> = {}): Target.Opened {
  const model = smallModel()
  const folder = written((sink) => writeAdapter(sink, moved(lora(model, loraConfig), 1)))
  return fileOf({ ...folder, ...files }, name, async (opened) => loadAdapter(model, await openAdapter(opened)))
}

function studentFolder(vocab_size = 16): Record<string, Uint8Array> {
  const config = parseDistilRnnConfig({ embedding_size: 4, hidden_size: 4, vocab_size })
  const { model, parameters } = createStudent({ config, sentences: [[1, 2, 3]] })
  return written((sink) => saveStudent(sink, { config, parameters: parameters(model.graph.initializers) }))
}

const readAll = (input: Uint8Array) => {
  for (const tensor of parseSafetensors(input).tensors.values()) toNumbers(tensor)
}

/** Tokenizes and decodes some texts. */
function tokenize(tokenizer: ReturnType<typeof createTokenizer>): void {
  for (const words of ['', 'They slept the bed.', '  a\u0301 \u{1f600}\0 !']) {
    const ids = tokenizer.encode(words)
    tokenizer.encode(words, { max_length: 4 })
    tokenizer.decode(ids)
  }
}

const rows = Array.from({ length: 4 }, (_, label) => ({ label: label % 2 }))
const collate = (list: readonly { label: number }[]): Batch => ({
  labels: { data: Int32Array.from(list, ({ label }) => label), dims: [list.length] },
})

/** Every target by its name on the command line. */
export const targets = {
  safetensors: {
    mutate: safetensors,
    open: () => ({
      seeds: [fixture('packages/lora/test/fixtures/adapters/llama/bfloat16/adapter_model.safetensors')],
      read: readAll,
    }),
  },
  onnx: {
    mutate: protobuf,
    open: () => ({
      seeds: ['attention-23-mask', 'rotary-23', 'softmax-11', 'split-18', 'dropout-11']
        .map((name) => fixture(`packages/graph/test/fixtures/opsets/${name}.onnx`))
        .concat(fixture('packages/graph/test/fixtures/tensors.onnx')),
      read: (input) => readModel(input),
    }),
  },
  'onnx-model': {
    mutate: protobuf,
    open: () =>
      fileOf(tinyEncoder(), 'onnx/model.onnx', async (files) => {
        const { model } = await openOnnxModel(files)
        return withHead({ ...model, trainable: new Set() }, { num_labels: 2, pooling: 'mean', name: 'classifier' })
      }),
  },
  tokenizer: {
    mutate: json,
    open: () => fileOf(tinyEncoder(), 'tokenizer.json', async (files) => tokenize(await readTokenizer(files))),
  },
  'tokenizer-of-bytes': {
    mutate: json,
    open: () => ({
      seeds: [fixture('examples/model/tokenizer.json')],
      read: (input) => tokenize(createTokenizer(parseJson(input) as object)),
    }),
  },
  config: { mutate: json, open: () => fileOf(gpt2Folder(), 'config.json', (files) => loadPretrained(files)) },
  'config-of-an-export': {
    mutate: json,
    open: () =>
      fileOf(tinyEncoder(), 'config.json', async (files) => {
        const { config, tokenizer } = await openBase(files)
        return longestInput(config, tokenizer)
      }),
  },
  weights: {
    mutate: safetensors,
    open: () => fileOf(gpt2Folder(), 'model.safetensors', (files) => loadPretrained(files)),
  },
  'adapter-config': { mutate: json, open: () => adapterFileOf('adapter_config.json') },
  'adapter-weights': { mutate: safetensors, open: () => adapterFileOf('adapter_model.safetensors') },
  'adapter-head': {
    mutate: json,
    open: () => {
      const head = text({ head: 'score', num_labels: 2, pooling: 'last', id2label: { 0: 'bad', 1: 'good' } })
      return adapterFileOf('head_config.json', { 'head_config.json': head })
    },
  },
  csv: {
    mutate: table,
    open: () => tableOf('csv', new TextEncoder().encode('text,label\n"They ""slept""",0\nA dog.,1\n')),
  },
  tsv: {
    mutate: table,
    open: () => tableOf('tsv', new TextEncoder().encode('text\tlabel\r\nThey slept.\t0\r\nA "dog.\t1\r\n')),
  },
  jsonl: {
    mutate: table,
    open: () => {
      const lines = '{"text": "They slept.", "label": 0}\n{"text": "A dog.", "label": 1}\n'
      return tableOf('jsonl', new TextEncoder().encode(lines))
    },
  },
  json: {
    mutate: json,
    open: () => {
      const records = [
        { text: 'They slept.', label: 'a' },
        { text: 'A dog.', label: 'b' },
      ]
      return tableOf('json', text(records))
    },
  },
  parquet: {
    mutate: bytes,
    open: () => ({ seeds: [fixture('tools/fuzz/fixtures/glue.parquet')], read: (input) => parseGlueParquet(input) }),
  },
  zip: {
    mutate: bytes,
    open: async () => {
      const tsv = new TextEncoder().encode('a\t1\t\tThey slept.\nb\t0\t*\tThey slept the bed.\n')
      const names = ['in_domain_train', 'in_domain_dev', 'out_of_domain_dev']
      const files = Object.fromEntries(names.map((name) => [`cola_public/raw/${name}.tsv`, tsv]))
      const zip = await zipOf(memoryFiles(files))
      return {
        seeds: [new Uint8Array(await zip.arrayBuffer())],
        read: async (input) => {
          await parseColaZip(input)
          const opened = await openFiles(new File([input.slice()], 'model.zip'))
          for (const name of opened.names()) opened.read(name)
        },
      }
    },
  },
  checkpoint: {
    mutate: safetensors,
    open: () => {
      const state = { version: 2, fingerprint: 'a', step: 1, batches: 1, epoch: 0, batch: 1, history: [] }
      const sums = { terms: [{ sum: 1, count: 2 }], predictions: [], rows: [] }
      const folder = written((sink) =>
        saveCheckpoint(sink, smallGpt2().artifacts.parameters, { ...state, epochSums: sums } as never),
      )
      return fileOf(folder, 'checkpoint.safetensors', (files) => loadCheckpoint(files))
    },
  },
  artifacts: {
    mutate: safetensors,
    open: () =>
      fileOf(
        written((sink) => saveArtifacts(sink, smallGpt2().artifacts)),
        'checkpoint',
        (files) => loadArtifacts(files),
      ),
  },
  student: { mutate: json, open: () => fileOf(studentFolder(), 'config.json', loadStudent) },
  'student-settings': {
    mutate: json,
    open: () => {
      const settings = { version: 1, labels: ['bad', 'good'], max_length: 8, metrics: { accuracy: 0.5, mcc: null } }
      const { 'tokenizer.json': tokenizer } = tinyEncoder()
      const folder = {
        ...studentFolder(64),
        'tokenizer.json': tokenizer as Uint8Array,
        'distilled.json': text(settings),
      }
      return fileOf(folder, 'distilled.json', async (files) => {
        const student = await loadDistilled(files)
        if (!Object.values(student.metrics).every((value) => typeof value === 'number'))
          throw new TypeError('no metrics')
        await student.classify(['They slept.'])
        await student.release()
      })
    },
  },
  batch: {
    mutate: json,
    open: async () => {
      const { artifacts, batch } = smallGpt2()
      const session = await TrainingSession.create({ artifacts, device: 'cpu' })
      const plain = Object.entries(batch).map(([name, { data, dims }]) => [
        name,
        { type: data.constructor.name, data: Array.from(data as Iterable<number>, Number), dims },
      ])
      return {
        seeds: [text(Object.fromEntries(plain))],
        read: async (input) => {
          const given = parseOdd(input) as Record<string, { type?: unknown; data?: unknown; dims?: unknown }>
          const made = Object.entries(given ?? {}).map(([name, value]) => [name, arrayOf(value ?? {})])
          session.lazyResetGrad()
          await session.runTrainStep(Object.fromEntries(made) as Batch)
        },
      }
    },
  },
  'options-of-training': {
    mutate: json,
    open: async () => {
      const { artifacts } = smallGpt2()
      const session = await TrainingSession.create({ artifacts, device: 'cpu' })
      const data = { train: rows, collate }
      return optionsOf({
        Trainer: [
          { epochs: 1, batch_size: 2, learning_rate: 1e-3, warmup: 0.1, seed: 1, lr_scheduler_type: 'linear' },
          (options: object) => new Trainer({ ...options, session, data }),
        ],
        adam: [{ betas: [0.9, 0.99], eps: 1e-8, weight_decay: 0.1, max_grad_norm: 1 }, adam],
        adamw: [{ betas: [0.9, 0.99], eps: 1e-8, weight_decay: 0.1, max_grad_norm: 1 }, adamw],
        sgd: [{ momentum: 0.9, nesterov: true, weight_decay: 0.1, max_grad_norm: 1 }, sgd],
        schedule: [
          { name: 'cosine', total_steps: 10, warmup_steps: 2 },
          (given: { name: 'cosine'; total_steps: number } | null) => {
            const { name, ...options } = given ?? ({} as never)
            return schedule(name, options)(3)
          },
        ],
        crossEntropy: [{ label_smoothing: 0.1 }, crossEntropy],
      })
    },
  },
  'options-of-data': {
    mutate: json,
    open: async () => {
      const tokenizer = await readTokenizer(tinyEncoder())
      const texts = ['a dog slept', { text: 'a cat', text_pair: 'it ran' }]
      const logits = Float32Array.of(0.5, -1, 2, 0)
      return optionsOf({
        parseTable: [
          { text: 'text', label: 'label', classes: ['a', 'b'], encoding: 'utf-8', quoting: 'none', delimiter: ',' },
          (options: object) => parseTable('text,label\nx,a\ny,b\n', 'csv', 'table', options),
        ],
        encodeTexts: [
          {
            ...{ max_length: 8, truncation_side: 'left', truncation_strategy: 'only_first' },
            ...{ add_special_tokens: true, tooLong: 'truncate', vocab_size: 100 },
          },
          (options: object) => encodeTexts(tokenizer, texts, options),
        ],
        encodeForLanguageModel: [
          { where: 'rows', eos_token_id: 3, add_special_tokens: true, max_length: 8, vocab_size: 100 },
          (options: object) => encodeForLanguageModel(tokenizer, [{ text: 'a dog', prompt: 'a' }], options),
        ],
        packSteps: [{ max_length: 4 }, (options: { max_length: number }) => packSteps([[1, 2], [3]], options)],
        splitRows: [{ seed: 1 }, (options: object) => splitRows(rows, 0.5, options)],
        f1: [{ average: 'macro', classes: 3 }, (options: object) => f1([0, 1, 2], [0, 2, 1], options)],
        retrievalMetrics: [
          { k: [1, 2], targets: [1, 0] },
          (options: object) => retrievalMetrics({ data: logits, width: 2 }, { data: logits, width: 2 }, options),
        ],
        nextToken: [
          { do_sample: true, temperature: 0.7, top_k: 3, top_p: 0.9, min_p: 0.1, repetition_penalty: 1.2 },
          (options: object) => nextToken(logits, options, random(1, 'fuzz'), [1]),
        ],
      })
    },
  },
  'options-of-models': {
    mutate: json,
    open: () => {
      const model = smallModel()
      return optionsOf({
        withAdapter: [
          {
            ...loraConfig,
            lora_alpha: 4,
            lora_dropout: 0.1,
            bias: 'none',
            use_rslora: true,
            rank_pattern: { c_fc: 1 },
          },
          (config: LoraConfig) => withAdapter(model, config),
        ],
        parseGpt2Config: [{ ...smallConfig, num_labels: 2, id2label: { 0: 'a', 1: 'b' } }, parseGpt2Config],
        parseStudentConfig: [{ cell: 'lstm', embedding_size: 4, hidden_size: 4, num_layers: 1 }, parseStudentConfig],
        generateArtifacts: [
          { frozenProducts: 'float32', gradientCheckpointing: false },
          (options: object) =>
            generateArtifacts(lora(model, loraConfig), {
              ...options,
              loss: crossEntropy(),
              optimizer: adamw(),
            } as never),
        ],
      })
    },
  },
} satisfies Record<string, Target>

export type TargetName = keyof typeof targets

/** The typed array that a case describes; what describes none goes on as it is. */
function arrayOf(value: { type?: unknown; data?: unknown; dims?: unknown }): unknown {
  const { type, data, dims } = value
  if (!Array.isArray(data)) return value
  try {
    if (type === 'BigInt64Array') return { data: BigInt64Array.from(data, BigInt), dims }
    if (type === 'Int32Array') return { data: Int32Array.from(data), dims }
    return { data: Float32Array.from(data), dims }
  } catch {
    return value
  }
}
