// Language models: rows and loss against TRL and transformers (make-causal-lm.py), generation, saved and exported.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DataError, generateSentences, type Files, filesOf } from '@cola/data'
import { addInput, cloneGraph, prune, readModel, renameValues } from '@cola/graph'
import {
  defaultDevice,
  externalDataOf,
  FeedError,
  feedsOf,
  openEvaluation,
  openSession,
  type OrtTensor,
} from '@cola/train'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  copyFolder,
  type Folder,
  folderAt,
  readText,
  reopening,
  temporaryFolders,
  writeText,
} from '../../../../tools/test-folders.ts'
import { readAdapter } from '../../src/adapter/files.ts'
import {
  ConfigError,
  fineTune,
  type FineTuned,
  type LanguageModelForm,
  type LanguageModelRow,
  loadFineTuned,
  openBase,
  openOnnxModel,
} from '../../src/index.ts'
import { hiddenStates } from '../../src/onnx/hidden.ts'
import { causalLanguageModel as task } from '../../src/tasks/causal-language-model.ts'
import { exportFolder } from '../support/export-folder.ts'

const out = temporaryFolders()
const embedded = folderAt(join(import.meta.dirname, '../../../../examples/model'))

interface Case {
  form: LanguageModelForm
  rows: LanguageModelRow[]
  options: { max_length?: number; completion_only_loss?: boolean }
  examples: { input_ids: number[]; labels: number[] }[]
  losses: Record<string, { mean: number; each: (number | null)[] }>
}
const { chat_template, cases } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../fixtures/causal-lm.json'), 'utf8'),
) as { chat_template: string; cases: Case[] }

const readJson = (folder: string | Files, name: string): object => JSON.parse(readText(folder, name)) as object

/** The embedded model as one for conversations, whose [CLS] ends a text too. */
function chatFolder(name: string, config: object = {}, more: object = {}): Folder {
  const folder = out(name)
  copyFolder(embedded, folder, ['model.safetensors', 'tokenizer.json'])
  writeText(folder, 'config.json', JSON.stringify({ ...readJson(embedded, 'config.json'), ...more }))
  const own = readJson(embedded, 'tokenizer_config.json')
  writeText(folder, 'tokenizer_config.json', JSON.stringify({ ...own, eos_token: '[CLS]', chat_template, ...config }))
  return folder
}
const chat = chatFolder('chat')
const quick = { task: 'CAUSAL_LM', epochs: 1, device: defaultDevice() } as const

describe('rows', () => {
  it.each(cases.map((one) => [one.form, one.options, one] as const))(
    '%s with %j: the tokens and labels that SFTTrainer makes',
    async (form, { max_length = 32, ...options }, { rows, examples }) => {
      const base = await openBase(chat)
      const settings = await task.settings(rows, options, base, 1)
      expect(settings.form).toBe(form)
      const encode = () => task.encode(rows, settings, { base, max_length, where: 'train' })
      if (examples.length === 0) return expect(encode).toThrow(/train: no token that can be learned/)
      const { examples: own, truncated } = encode()
      // SFTTrainer drops what is left without labels.
      expect(own.filter(({ labels }) => labels?.some((label) => label !== -100))).toEqual(examples)
      const whole = task.encode(rows, settings, { base, max_length: 99, where: 'train' }).examples
      expect(truncated).toBe(whole.filter(({ input_ids }) => input_ids.length > max_length).length)
    },
  )
})

describe('the loss', () => {
  it.each(['gpt2', 'llama-lm-torchscript', 'gpt2-lm-dynamo'])(
    '%s: that of transformers, mean and each',
    async (name) => {
      const base = await openBase(name === 'gpt2' ? embedded : exportFolder(out, name))
      const model = base.languageModel()
      const settings = { form: 'text', completion_only_loss: true, eos_token_id: [] } as const
      const batches = { base, examples: [], batch_size: 8 }
      const loss = task.evalLoss?.(settings, batches) ?? task.loss(settings, batches)
      const session = await openEvaluation(model, { loss, device: defaultDevice() })
      const collate = task.collate(base, model, settings)
      const fit = (id: number) => (name === 'gpt2' || id < 0 ? id : id % 24)
      for (const { examples, losses } of cases.filter((one) => one.losses[name])) {
        const own = examples.map(({ input_ids, labels }) => ({
          input_ids: input_ids.map(fit),
          labels: labels.map(fit),
        }))
        const { loss, outputs } = await session.runEvalStep(collate(own))
        const { mean, each } = losses[name] as Case['losses'][string]
        expect([loss]).toBeAllclose([mean], { atol: 2e-5 })
        const scores = task.predict(outputs, own, settings, () => [])
        expect(scores.map((score) => score.loss)).toBeAllclose(
          each.map((one) => one ?? Number.NaN),
          { atol: 2e-5 },
        )
        expect(scores.map(({ tokens }) => tokens)).toEqual(
          own.map(({ labels }) => labels.slice(1).filter((label) => label >= 0).length),
        )
      }
      await session.release()
    },
  )
})

/** Statements and questions are what the embedded model writes; these are questions only. */
const questions = generateSentences({ seed: 41, count: 3000 }).flatMap(({ text, label }) =>
  label === 1 && text.endsWith('?') ? [{ text }] : [],
)

/** All logits [batch, sequence, vocab_size] of an exported folder for one text. */
async function exportedLogits(folder: Folder, ids: readonly number[]): Promise<OrtTensor> {
  const graph = readModel(filesOf(folder).read('model.onnx'), { externalData: externalDataOf(folder) })
  const session = await openSession({ graph }, defaultDevice())
  const row = (values: readonly number[]) => ({ data: BigInt64Array.from(values, BigInt), dims: [1, ids.length] })
  const batch = { input_ids: row(ids), attention_mask: row(ids.map(() => 1)) }
  const { logits } = await session.run(feedsOf(graph, graph.inputs, batch).feeds)
  await session.release()
  return logits as OrtTensor
}

/** Greedy generation by an exported model. */
async function greedy(folder: Folder, prompt: readonly number[], count: number, ends: readonly number[] = []) {
  const ids = [...prompt]
  while (ids.length < prompt.length + count) {
    const { data, dims } = await exportedLogits(folder, ids)
    expect(dims.slice(0, 2)).toEqual([1, ids.length])
    const last = (data as Float32Array).subarray(-(dims[2] as number))
    const id = last.indexOf(Math.max(...last))
    if (ends.includes(id)) break
    ids.push(id)
  }
  return ids.slice(prompt.length)
}

describe('GPT-2 from its weights', () => {
  let tuned: FineTuned<'CAUSAL_LM'>
  const sampled = { do_sample: true, top_p: 0.9, max_new_tokens: 20 }
  const write = (model: FineTuned<'CAUSAL_LM'>) =>
    Promise.all([1, 2, 3, 4, 5, 6].map((seed) => model.generate('', { ...sampled, seed })))
  beforeAll(async () => {
    tuned = await fineTune(embedded, {
      ...quick,
      train: questions,
      validation: 0.1,
      eos_token: '.',
      epochs: 4,
      learning_rate: 1e-2,
    })
  })
  afterAll(() => tuned.release())

  it('learns a style and writes it, ending by itself', async () => {
    const [first, last] = [tuned.training?.history[0], tuned.training?.history.at(-1)]
    expect(last?.eval_loss).toBeLessThan((first?.eval_loss as number) - 0.1)
    expect(first?.step).toBe(Math.ceil((questions.length - Math.ceil(questions.length / 10)) / 8))
    expect(tuned.metrics.perplexity).toBeCloseTo(
      Math.exp(Math.min(...(tuned.training?.history ?? []).map(({ eval_loss }) => eval_loss as number))),
      4,
    )
    for (const text of await write(tuned)) expect(text).toMatch(/^[a-z ]+\?$/)
  })

  it('gives the same from its folder, merged or not, and exported', async () => {
    const prompt = 'did the girls'
    const expected = await tuned.generate(prompt)
    const { loss } = await tuned.evaluate(questions.slice(0, 20))
    const folder = out('saved')
    await tuned.save(folder)
    for (const merge of [false, true]) {
      const warnings: string[] = []
      const onWarning = ({ message }: { message: string }) => warnings.push(message)
      const opened = await loadFineTuned(folder, {
        ...reopening(embedded),
        task: 'CAUSAL_LM',
        merge,
        device: defaultDevice(),
        onWarning,
      })
      expect(await opened.generate(prompt)).toBe(expected)
      expect(await opened.generate(prompt, { temperature: 0.5 })).toBe(expected)
      expect(warnings).toEqual([expect.stringMatching(/^generate: temperature .* ignored without do_sample: true$/)])
      expect(await write(opened)).toEqual(await write(tuned))
      expect((await opened.evaluate(questions.slice(0, 20))).loss).toBeCloseTo(loss, 5)
      await opened.release()
      await expect(opened.generate(prompt)).rejects.toThrow(/it has been released/)
    }
    await tuned.export(out('exported'))
    const base = await openBase(embedded)
    const ids = base.tokenizer.encode(prompt)
    const made = await greedy(out('exported'), ids, 20, tuned.settings.eos_token_id)
    expect(base.tokenizer.decode([...ids, ...made])).toBe(prompt + expected)
    expect(readJson(out('exported'), 'config.json')).toMatchObject({
      architectures: ['GPT2LMHeadModel'],
      eos_token_id: [55],
    })
    const { config, tensors } = readAdapter(folder)
    expect(config.task_type).toBe('CAUSAL_LM')
    expect([...tensors.keys()].slice(0, 2)).toEqual([
      'base_model.model.transformer.h.0.attn.c_attn.lora_A.weight',
      'base_model.model.transformer.h.0.attn.c_attn.lora_B.weight',
    ])
  })

  it('takes options, tells of each token, and scores each text', async () => {
    const heard: [number, string][] = []
    const text = await tuned.generate('did', { max_new_tokens: 4, onToken: (...token) => heard.push(token) })
    expect(heard.length).toBe(4)
    expect(heard.at(-1)?.[1]).toBe(text)
    const [last] = heard.at(-1) as [number, string]
    const ended = await tuned.generate('did', { max_new_tokens: 4, eos_token_id: last })
    expect(text.startsWith(ended) && ended.length < text.length).toBe(true)
    const rows = questions.slice(0, 5)
    const { loss, predictions, metrics } = await tuned.evaluate(rows)
    const total = predictions.reduce((sum, one) => sum + one.tokens, 0)
    expect(loss).toBeCloseTo(predictions.reduce((sum, one) => sum + one.loss * one.tokens, 0) / total, 5)
    expect(metrics).toEqual({ perplexity: Math.exp(loss) })
  })

  it.each([
    [{ max_new_tokens: 0 }, /generate, option max_new_tokens/],
    [{ temperature: 0 }, /generate, option temperature/],
    [{ top_p: 2 }, /generate, option top_p/],
    [{ seed: -1 }, /generate, option seed/],
    [{ top_k: -1 }, /generate, option top_k/],
    [{ onToken: 7 }, /generate, option onToken/],
    [{ eos_token_id: -1 }, /generate, option eos_token_id/],
    [{ max_tokens: 3 }, /generate, option max_tokens: no such option\. It is max_new_tokens\.$/],
    [
      { max_length: 3 },
      /option max_length: no such option\. It is max_new_tokens, without the tokens of the prompt\.$/,
    ],
    [{ stop: 'a' }, /option stop: no such option\. It is stop_strings\.$/],
    [{ return_full_text: true }, /option return_full_text: .*The new text alone is returned/],
    [{ streamer: {} }, /option streamer: .*It is onToken/],
    [{ skip_special_tokens: true }, /option skip_special_tokens: .*Special tokens are left out/],
    [{ num_beams: 2 }, /option num_beams: no such option\. It is not supported: leave it out/],
    [
      { num_return_sequences: 2 },
      /option num_return_sequences: no such option\. It is not supported: a prompt has one/,
    ],
    [{ no_repeat_ngram_size: 2 }, /option no_repeat_ngram_size: no such option\. It is not supported\. repetition_pen/],
    [{ min_new_tokens: 2 }, /option min_new_tokens: no such option\. It is not supported: leave it out\.$/],
  ])('refuses options %j', async (options, message) => {
    await expect(tuned.generate('did', options as object)).rejects.toThrow(ConfigError)
    await expect(tuned.generate('did', options as object)).rejects.toThrow(message)
  })

  it('refuses a prompt that is longer than the positions, and messages without a template', async () => {
    const long = Array.from({ length: 40 }, () => 'the').join(' ')
    await expect(tuned.generate(long)).rejects.toThrow(FeedError)
    await expect(tuned.generate(long)).rejects.toThrow(/prompt: no place left.*expected fewer than 32 tokens, found 41/)
    const messages = [{ role: 'user', content: 'hi' }]
    await expect(tuned.generate(messages)).rejects.toThrow(/chat_template: the tokenizer has none/)
    expect(await tuned.generate([])).toEqual([])
    for (const prompts of ['ab', null, 3])
      await expect(tuned.streamTexts(prompts as never).next()).rejects.toThrow(/streamTexts, prompts: not an array/)
    await expect(tuned.streamTexts('ab').next()).rejects.toThrow(/One text is an array of one/)
    await expect(tuned.generate(7 as never)).rejects.toThrow(DataError)
  })
})

describe('conversations', () => {
  const rows = [
    ['the girls', 'did'],
    ['the boys', 'who'],
  ].map(([question, answer]) => ({
    prompt: [{ role: 'user', content: question as string }],
    completion: [{ role: 'assistant', content: answer as string }],
  }))
  it('are learned and answered through the chat template, also from a folder with chat_template.jinja', async () => {
    const folder = chatFolder('jinja', { chat_template: undefined })
    writeText(folder, 'chat_template.jinja', chat_template)
    for (const base of [chat, folder]) {
      const tuned = await fineTune(base, { ...quick, train: rows, epochs: 60, learning_rate: 5e-3, eos_token: '.' })
      const ask = (model: FineTuned<'CAUSAL_LM'>) =>
        Promise.all(rows.map(({ prompt }) => model.generate(prompt, { max_new_tokens: 6 })))
      expect((await ask(tuned)).map((text) => text.trim())).toEqual(['did', 'who'])
      await tuned.save(out('answers'))
      await tuned.release()
      const opened = await loadFineTuned(out('answers'), {
        ...reopening(base),
        task: 'CAUSAL_LM',
        device: defaultDevice(),
      })
      expect((await ask(opened)).map((text) => text.trim())).toEqual(['did', 'who'])
      await opened.release()
    }
    expect(readText(out('answers'), 'chat_template.jinja')).toBe(chat_template)
  })

  it('are written by a template that is given, which saved and exported models keep', async () => {
    const options = { ...quick, train: rows, epochs: 1, eos_token: '.' }
    const prompt = rows[0]?.prompt ?? []
    const usual = await fineTune(chat, options)
    const right = await usual.generate(prompt, { max_new_tokens: 4 })
    await usual.release()
    const folder = chatFolder('bare', { chat_template: undefined })
    const tuned = await fineTune(folder, { ...options, open: { chat_template } })
    expect(tuned.training?.losses).toEqual(usual.training?.losses)
    expect(await tuned.generate(prompt, { max_new_tokens: 4 })).toBe(right)
    await tuned.save(out('given'))
    await tuned.export(out('given-hub'), { layout: 'hub' })
    await tuned.release()
    const opened = await loadFineTuned(out('given'), {
      ...reopening(folder),
      task: 'CAUSAL_LM',
      device: defaultDevice(),
    })
    expect(await opened.generate(prompt, { max_new_tokens: 4 })).toBe(right)
    await opened.release()
    const base = await openBase(folder)
    const shared = await loadFineTuned(out('given'), { task: 'CAUSAL_LM', device: defaultDevice(), base })
    expect(await shared.generate(prompt, { max_new_tokens: 4 })).toBe(right)
    await shared.save(out('given-again'))
    await shared.release()
    expect(readText(out('given-again'), 'chat_template.jinja')).toBe(chat_template)
    expect(() => base.tokenizer.applyChatTemplate(prompt)).toThrow(/the tokenizer has none/)
    expect(readJson(out('given-hub'), 'tokenizer_config.json')).toMatchObject({ chat_template })
  })
})

describe('training that goes on from an adapter', () => {
  const prompt = [{ role: 'user', content: 'the girls' }]
  const train = [{ prompt, completion: [{ role: 'assistant', content: 'did' }] }]
  const first = out('first')
  const bare = () => chatFolder('bare-first', { chat_template: undefined })
  beforeAll(async () => {
    const tuned = await fineTune(bare(), { ...quick, train, eos_token: '.', open: { chat_template } })
    await tuned.save(first)
    await tuned.release()
  })
  const goOn = async (base: Parameters<typeof fineTune>[0], options: object = {}) => {
    const tuned = await fineTune(base, { ...quick, train, adapter: first, ...options })
    await tuned.save(out('second'))
    await tuned.release()
    const { settings, base: saved } = readJson(out('second'), 'fine_tuned.json') as {
      settings: { eos_token_id: number[] }
      base: { chat_template?: string }
    }
    return { ends: settings.eos_token_id, template: saved.chat_template }
  }
  const other = '{% for message in messages %}{{ message.content }} {% endfor %}'

  it('has its chat template and its end token, on a base that is open or not', async () => {
    const kept = { ends: [55], template: chat_template }
    expect(await goOn(bare())).toEqual(kept)
    expect(await goOn(await openBase(bare()))).toEqual(kept)
    expect(await goOn(bare(), { open: { chat_template: undefined }, eos_token: undefined })).toEqual(kept)
  })

  it('has others where options say so', async () => {
    expect(await goOn(bare(), { open: { chat_template: other }, eos_token: '?' })).toMatchObject({ template: other })
    expect((await goOn(bare(), { eos_token: '[CLS]' })).ends).toEqual([2])
    expect((await goOn(await openBase(bare(), { chat_template: other }))).template).toBe(other)
  })

  it('has its named template, but for another task, which has none', async () => {
    const named = [
      { name: 'default', template: other },
      { name: 'short', template: chat_template },
    ]
    const folder = chatFolder('named', { chat_template: named })
    const tuned = await fineTune(folder, { ...quick, train, chat_template: 'short' })
    await tuned.save(out('short'))
    await tuned.release()
    const again = await fineTune(folder, { ...quick, train, adapter: out('short') })
    expect(again.settings.chat_template).toBe('short')
    await again.release()
    const labelled = ['a', 'b'].map((label) => ({ text: 'the girls', label }))
    const sorted = await fineTune(folder, {
      epochs: 1,
      device: defaultDevice(),
      train: labelled,
      adapter: out('short'),
    })
    expect(sorted.settings).not.toHaveProperty('chat_template')
    await sorted.release()
  })
})

describe('decoders that other tools exported', () => {
  const rows = [{ text: 'the cat sleeps' }, { text: 'the girls sleep the dog' }]
  it.each(['llama-lm-torchscript', 'gpt2-lm-dynamo'])('%s: trained, generating, saved and exported', async (name) => {
    const folder = exportFolder(out, name)
    const config = { ...(readJson(folder, 'config.json') as object), max_position_embeddings: 12 }
    writeText(folder, 'config.json', JSON.stringify(config))
    const tuned = await fineTune(folder, { ...quick, train: rows, validation: rows, epochs: 4, learning_rate: 1e-2 })
    expect(tuned.training?.history.at(-1)?.eval_loss).toBeLessThan(tuned.training?.history[0]?.eval_loss as number)
    const text = await tuned.generate('the cat', { max_new_tokens: 5 })
    await tuned.save(out(`saved-${name}`))
    await tuned.export(out(`exported-${name}`))
    await tuned.release()
    const { tokenizer } = await openBase(folder)
    // [CLS] and the text, without the [SEP] that the tokenizer puts behind it.
    const ids = tokenizer.encode('the cat').slice(0, -1)
    const made = await greedy(out(`exported-${name}`), ids, 5)
    expect(tokenizer.decode([...ids, ...made])).toBe(`the cat${text}`)
    const opened = await loadFineTuned(out(`saved-${name}`), {
      ...reopening(folder),
      task: 'CAUSAL_LM',
      device: defaultDevice(),
      merge: true,
    })
    expect(await opened.generate('the cat', { max_new_tokens: 5 })).toBe(text)
    await expect(opened.generate('the cat '.repeat(8))).rejects.toThrow(/prompt: no place left in the position table/)
    await opened.release()
  })

  /** Logits of the first fixture row's tokens by a base's language model. */
  async function logitsOf(base: Awaited<ReturnType<typeof openBase>>): Promise<Float32Array> {
    const model = base.languageModel()
    expect(model.graph.outputs).toEqual(['logits'])
    const session = await openSession(model, defaultDevice())
    const { batch } = base.batches(model.graph)([{ input_ids: [4, 9, 5, 12] }])
    const { logits } = await session.run(feedsOf(model.graph, model.graph.inputs, batch).feeds)
    await session.release()
    return (logits as OrtTensor).data as Float32Array
  }

  it('are read whatever their logits are called, wherever they stand, and whatever else there is', async () => {
    const opened = await openOnnxModel(exportFolder(out, 'gpt2-lm-dynamo'))
    const expected = await logitsOf(await openBase(opened))
    const graph = cloneGraph(opened.model.graph)
    renameValues(graph, new Map([['logits', 'output_1']]))
    const cache = graph.nodes.find(({ opType }) => opType === 'Transpose')?.outputs[0] as string
    renameValues(graph, new Map([[cache, 'present.0.key']]))
    graph.outputs = ['present.0.key', 'output_1']
    const base = await openBase({ ...opened, model: { ...opened.model, graph } })
    expect(await logitsOf(base)).toBeAllclose(expected, { atol: 1e-6 })
  })

  it('are read by their embeddings where those are tied and there are hidden states alone', async () => {
    const opened = await openOnnxModel(exportFolder(out, 'gpt2-lm-dynamo'))
    const expected = await logitsOf(await openBase(opened))
    const states = hiddenStates(opened.model.graph)?.name as string
    const model = { ...opened.model, graph: { ...cloneGraph(opened.model.graph), outputs: [states] } }
    prune(model.graph)
    expect(await logitsOf(await openBase({ ...opened, model }))).toBeAllclose(expected, { atol: 1e-5 })
    const refused = async (config: object) =>
      (await openBase({ ...opened, model, config: { ...opened.config, ...config } })).languageModel()
    await expect(refused({ tie_word_embeddings: false })).rejects.toThrow(
      /no logits of the next token, and its lm_head/,
    )
    await expect(refused({ model_type: 'llama' })).rejects.toThrow(ConfigError)
    await expect(refused({ logit_scale: 0.5 })).rejects.toThrow(/which "logit_scale" of config.json changes/)
  })

  it('are refused before anything is trained: encoders, and graphs that want a cache', async () => {
    const train = [{ text: 'the cat sleeps' }]
    for (const name of ['bert-mlm-dynamo', 'bert-seq-torchscript']) {
      const wrong = fineTune(exportFolder(out, name), { ...quick, train })
      await expect(wrong).rejects.toThrow(ConfigError)
      await expect(wrong).rejects.toThrow(/model_type "bert": not a language model/)
    }
    const answers = fineTune(exportFolder(out, 'llama-qa-torchscript'), { ...quick, train })
    await expect(answers).rejects.toThrow(/no logits of the next token, and its lm_head has a matrix of its own/)
    const opened = await openOnnxModel(exportFolder(out, 'gpt2-lm-dynamo'))
    const graph = cloneGraph(opened.model.graph)
    const at = graph.nodes.findIndex(({ opType }) => opType === 'Transpose')
    const past = addInput(graph, 'past_key_values.0.key', 'float32', ['batch', 4, 'past', 2])
    const node = graph.nodes[at] as (typeof graph.nodes)[number]
    graph.nodes[at] = { ...node, inputs: [past.name] }
    const cached = fineTune({ ...opened, model: { ...opened.model, graph } }, { ...quick, train })
    await expect(cached).rejects.toThrow(/it takes inputs that a text does not give.*found past_key_values.0.key/)
  })
})

describe('rows that are refused, before anything is trained', () => {
  const message = { role: 'user', content: 'the girls' }
  const messages = [message]
  it.each([
    [[{ text: '' }], /train, row 1, field "text": an empty text/],
    [[{ text: 'a' }, { text: 7 }], /train, row 2, field "text": not a text/],
    [
      [{ words: ['a'] }],
      /train, row 1: columns of no form of rows, expected text; or prompt, completion; or messages, found words/,
    ],
    [[{ text: 'a', prompt: 'b' }], /train, row 1: columns of no form/],
    [
      [{ instruction: 'a', input: '', output: 'b' }],
      /columns of no form.*Rename instruction to prompt, and output to completion\.$/,
    ],
    [
      [{ messages: [{ from: 'human', value: 'a' }] }],
      /message 1: no role.*They are ShareGPT's: messages\.map\(\(\{ from, value \}\) => .*content: value \}\)\)\.$/,
    ],
    [[{ messages: [{ role: 'user', text: 'a' }] }], /message 1: not a text.*Rename text to content\.$/],
    [[{ conversations: [] }], /columns of no form.*Rename conversations to messages\.$/],
    [
      [{ id: '1', conversations: [{ from: 'human', value: 'a' }] }],
      /They are ShareGPT's: rows\.map\(\(\{ conversations \}\) => \(\{ messages: conversations\.map\(/,
    ],
    [
      [{ prompt: 'a', chosen: 'b', rejected: 'c' }],
      /there is no DPO.*rows\.map\(\(\{ prompt, chosen \}\) => \(\{ prompt, completion: chosen \}\)\)\.$/,
    ],
    [[{ chosen: messages, rejected: messages }], /there is no DPO.*\(\{ messages: chosen \}\)\)\.$/],
    [
      [{ prompt: 'a', completion: 'b' }, { prompt: 'a' }],
      /train, row 2, field "completion": .*Other rows have it: fill it, or leave such rows out: rows\.filter/,
    ],
    [[{ prompt: 'a' }], /train, row 1: columns of no form/],
    [[{ prompt: 'a', completion: ' ' }], /train, row 1, field "completion": an empty text/],
    [
      [{ text: 'a b' }, { prompt: 'a', completion: 'b' }],
      /train, row 2: a row of another form.*expected text, found prompt, completion/,
    ],
    [
      [
        { prompt: 'a', completion: 'b' },
        { prompt: messages, completion: messages },
      ],
      /row 2: a row of another form.*as messages/,
    ],
    [[{ prompt: messages, completion: 'b' }], /train, row 1, field "completion": no messages/],
    [[{ messages: [] }], /train, row 1, field "messages": no messages/],
    [[{ messages: 'a' }], /train, row 1, field "messages": no messages/],
    [[{ messages: [message, { content: 'x' }] }], /train, row 1, field "messages", message 2: no role/],
    [[{ messages: [{ role: 'user' }] }], /train, row 1, field "messages", message 1: not a text/],
    [[{ messages: [{ role: 'user', content: '' }] }], /message 1: an empty text/],
    [[{ messages: [null] }], /message 1: no role/],
    [
      [{ prompt: Array.from({ length: 40 }, () => 'the').join(' '), completion: 'cat' }],
      /train: no token that can be learned/,
    ],
  ])('%j', async (train, error) => {
    const wrong = fineTune(chat, { ...quick, train: train as never })
    await expect(wrong).rejects.toThrow(DataError)
    await expect(wrong).rejects.toThrow(error)
  })

  it('messages without a template, with one that does not parse, and with roles that it refuses', async () => {
    const train = [{ messages }, { messages: [{ role: 'tool', content: 'x' }] }]
    const start = (folder: string | Files) => fineTune(folder, { ...quick, train })
    await expect(start(embedded)).rejects.toThrow(
      /train, row 1, field "messages", chat_template: the tokenizer has none/,
    )
    const broken = chatFolder('broken', { chat_template: '{% for %}' })
    await expect(start(broken)).rejects.toThrow(/field "messages", chat_template: not a Jinja template/)
    const strict = "{% if messages[0].role != 'user' %}{{ raise_exception('only users') }}{% endif %}a b"
    const refusing = chatFolder('refusing', { chat_template: strict })
    await expect(start(refusing)).rejects.toThrow(/train, row 2.*it refuses the messages, found only users; roles tool/)
  })

  it('a template that leaves out what messages say, but none that changes it', async () => {
    const dialog = [
      { role: 'user', content: 'the girls sleep' },
      { role: 'assistant', content: 'the cat' },
    ]
    const train = [{ messages: dialog }]
    const start = (chat_template: string) => fineTune(embedded, { ...quick, train, open: { chat_template } })
    await expect(start('chatml')).rejects.toThrow(
      /option chat_template: a template that writes nothing of the messages.*found "chatml"\. Give the template's text/,
    )
    const first = start('{{ messages[0].content }}')
    await expect(first).rejects.toThrow(DataError)
    await expect(first).rejects.toThrow(
      /train, row 1, chat_template: .*leaves out what the last message says.*found "the girls sleep"/,
    )
    const own = fineTune(chatFolder('silent', { chat_template: 'the girls sleep' }), { ...quick, train })
    await expect(own).rejects.toThrow(/train, row 1, chat_template: .*leaves out what the last message says/)
    const changing = '{% for m in messages %}{{ m.content | trim | upper }} {{ m.content | lower }}{% endfor %}'
    await (await start(changing)).release()
  })

  it('options of other values, and an end that is no token', async () => {
    const start = (options: object) => fineTune(embedded, { ...quick, train: [{ text: 'the girls' }], ...options })
    await expect(start({ completion_only_loss: 1 })).rejects.toThrow(/fineTune, option completion_only_loss/)
    await expect(start({ completion_only_loss: true })).rejects.toThrow(
      /option completion_only_loss: it has no effect here, expected rows with prompt and completion/,
    )
    await expect(start({ eos_token: '<|nothing|>' })).rejects.toThrow(/option eos_token: not a token of the vocabulary/)
    await expect(start({ labels: ['a'] })).rejects.toThrow(/option labels: no such option/)
  })

  it('counts the rows that are cut', async () => {
    const warnings: string[] = []
    const train = [{ text: 'the girls sleep' }, { text: Array.from({ length: 40 }, () => 'the').join(' ') }]
    const tuned = await fineTune(embedded, {
      ...quick,
      train,
      callbacks: { onWarning: (log) => warnings.push(log.message) },
    })
    await tuned.release()
    expect(warnings).toContain('1 of 2 train rows were cut to 32 tokens')
  })

  it('names the rows of which no token is left to learn, and has no loss of them', async () => {
    const warnings: string[] = []
    const callbacks = { onWarning: ({ message }: { message: string }) => warnings.push(message) }
    const full = { prompt: 'the '.repeat(40), completion: 'girls sleep' }
    const some = [{ prompt: 'the', completion: ' girls sleep' }, full, { prompt: 'all', completion: ' boys' }, full]
    const losses: number[] = []
    const onStep = ({ loss }: { loss: number }) => losses.push(loss)
    const steps = { batch_size: 1, epochs: 1, train_sampling_strategy: 'random' } as const
    const tuned = await fineTune(embedded, { ...quick, ...steps, train: some, callbacks: { ...callbacks, onStep } })
    const told = 'rows 2, 4 have no token left to learn in 32 tokens at most'
    expect(warnings).toContain(`train, ${told}`)
    expect(losses.filter(Number.isNaN)).toHaveLength(2)
    expect(losses.filter((loss) => loss > 0)).toHaveLength(2)
    const { predictions, warnings: scored, loss } = await tuned.evaluate(some)
    expect(scored).toContain(`rows, ${told}`)
    expect(predictions[1]).toEqual({ loss: Number.NaN, tokens: 0 })
    expect(loss).toBeGreaterThan(0)
    await tuned.release()
    warnings.length = 0
    // A row of a share is named by its place among all.
    const shared = [...Array.from({ length: 9 }, (_, i) => ({ prompt: 'the', completion: ` girl ${i}` })), { ...full }]
    await (await fineTune(embedded, { ...quick, train: shared, validation: 0.2, callbacks })).release()
    expect(warnings).toContain('train, row 10 has no token left to learn in 32 tokens at most')
  })

  it('names the ends that generation_config.json has beside the tokenizer’s', async () => {
    const folder = chatFolder('ends', {}, { eos_token_id: 5 })
    const settings = async () => task.settings([{ text: 'a' }], {}, await openBase(folder), 1)
    expect((await settings()).eos_token_id).toEqual([2, 5])
    writeText(folder, 'generation_config.json', JSON.stringify({ eos_token_id: [7, 2, 999] }))
    expect((await settings()).eos_token_id).toEqual([2, 7])
  })
})
