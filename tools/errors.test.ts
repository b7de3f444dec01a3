// One class is the base of every error that the packages throw, whichever package it comes from, and each package has it.

import * as data from '@cola/data'
import * as distill from '@cola/distill'
import * as graph from '@cola/graph'
import * as lora from '@cola/lora'
import * as rnn from '@cola/rnn'
import * as train from '@cola/train'
import { describe, expect, it } from 'vitest'

const packages = { graph, data, train, lora, rnn, distill }

describe.each(Object.entries(packages))('@cola/%s', (_, exported) => {
  it('exports the base of all errors', () => {
    expect(exported.ColaError).toBe(graph.ColaError)
  })

  it.each(
    Object.entries(exported).filter(([, value]) => typeof value === 'function' && value.prototype instanceof Error),
  )('exports %s as one of its classes, with a problem', (name, value) => {
    const Class = value as typeof graph.ColaError
    const problem = { where: 'here', what: 'nothing is right', expected: 'more', found: 'less', fix: 'Try it again.' }
    const error = new Class(problem)
    expect(error).toBeInstanceOf(graph.ColaError)
    expect(error).toMatchObject({ name, problem })
    expect(error.message).toBe('here: nothing is right, expected more, found less. Try it again.')
  })
})

it('catches errors of data, of the hub, of graphs, of options and of models as one class', async () => {
  const offline = { offline: true, cacheDir: 'nowhere' }
  for (const run of [
    () => data.parseTable('text,label\n', 'csv'),
    () => data.openFiles('nobody/nothing', offline),
    () => graph.readModel(Uint8Array.of(1, 2, 3)),
    () => train.adam({ betas: [2, 2] }),
    () => lora.openBase('nobody/nothing', offline),
    () => lora.parseAdapterConfig({ peft_type: 'NONE' } as never),
    () => rnn.parseDistilRnnConfig(null),
    () => distill.pairLoss('no loss' as never, { student: [], teacher: [], width: 1 }),
  ])
    await expect((async () => run())(), String(run)).rejects.toBeInstanceOf(distill.ColaError)
})

/** Mistakes of people who know other libraries, or another function of these, and what the error must say of each. */
const mistakes: readonly [mistake: string, call: () => unknown, says: RegExp][] = [
  [
    'an option of opening, given to fineTune',
    () => lora.fineTune('nowhere', { train: [], dtype: 'q8' } as never),
    /option dtype: no such option.*It belongs to open: open: \{ dtype: \.\.\. \}/,
  ],
  [
    'a field of the adapter, given to fineTune',
    () => lora.fineTune('nowhere', { train: [], lora_alpha: 8 } as never),
    /It belongs to lora: lora: \{ lora_alpha: \.\.\. \}/,
  ],
  [
    'a precision by its name on the hub, in an export',
    () => train.modelFileOf({ dtype: 'q8' as never }),
    /dtype: not a valid value.*found "q8"\. Did you mean "int8"\?/,
  ],
  [
    'a precision by its name in an export, in opening',
    () => lora.openBase('nowhere', { dtype: 'float16' as never }),
    /Did you mean "fp16"\?/,
  ],
  ['the rate in an optimizer', () => train.adam({ lr: 1e-3 } as never), /runOptimizerStep/],
  ['a rank', () => lora.lora(undefined as never, { rank: 8 } as never), /field "rank".*Did you mean r\?/],
  [
    'a field of a student with a letter missing',
    () => rnn.parseDistilRnnConfig({ vocab_size: 9, hiden_size: 8 }),
    /field "hiden_size": no such field.*Did you mean hidden_size\?/,
  ],
  ['an empty path to write to', () => lora.writeAdapter('', undefined as never), /no path.*'\.'/],
  [
    'an empty path of a student',
    () => rnn.saveStudent('', { config: {} as rnn.DistilRnnConfig, parameters: new Map() }),
    /no path/,
  ],
  ['an empty path of a store', () => data.folderStore(''), /no path/],
  ['an empty path of artifacts', () => train.loadArtifacts(''), /no path/],
  [
    'options in the place of a name',
    () => data.parseTable('text;label\na;b', 'csv', { delimiter: ';' } as never),
    /parseTable, where.*the options come after it/,
  ],
  [
    'options in the place of a name of records',
    () => data.parseRecords('text;label\na;b', 'csv', { delimiter: ';' } as never),
    /parseRecords, where.*the options come after it/,
  ],
  [
    'quotes and another delimiter',
    () => data.parseRecords('"text";"label"\n"a";"b"', 'csv'),
    /header: a single column.*Is the delimiter ";"\? Set it as delimiter\./,
  ],
  [
    'rows of one column that has a delimiter in its name',
    () => data.requireField({ 'text;label': 'a;b' }, 'label', 'train, row 1'),
    /Is the delimiter ";"\?/,
  ],
  [
    'no optimizer',
    () => train.generateArtifacts(undefined as never, { loss: () => undefined as never } as never),
    /generateArtifacts, option optimizer: not a valid value/,
  ],
  [
    'texts that are numbers',
    () => lora.sampleTexts({ generate: async () => '' }, { count: 1, unlike: [3 as never] }),
    /option unlike, text 1: not a valid value, expected a string, found 3/,
  ],
  ['no model to sample from', () => lora.sampleTexts(null as never, { count: 1 }), /not a language model/],
  [
    'a number for a text',
    () => data.requireText(5, 'text', 'texts, row 1'),
    /texts, row 1, field "text": not a text.*found 5\. A number is no text/,
  ],
  [
    'a dropout of everything',
    () => lora.lora(undefined as never, { lora_dropout: 1 }),
    /field "lora_dropout".*below 1/,
  ],
  ['an element type', () => input('float33', [1]), /input "x": no element type, expected .*found float33/],
  ['a size that is no number', () => input('float32', [Number.NaN]), /input "x": no shape.*found NaN/],
  ['a size below zero', () => input('float32', [-1]), /input "x": no shape/],
  ['no shape', () => input('float32', null), /input "x": no shape/],
  ['no tokenizer', () => data.encodeRows(null as never, []), /tokenizer: not a valid value.*found null/],
  ['no tokenizer of words', () => data.encodeWords(null as never, []), /tokenizer: not a valid value/],
  ['no tokenizer of a language model', () => data.encodeForLanguageModel(null as never, []), /tokenizer: not/],
  ['no sentences', () => data.packSentences(null as never), /sentences: not an array/],
  ['no sentence', () => data.packSentences([null as never]), /sentence 1 of the batch: not a valid value/],
  ['no predictions', () => data.classificationMetrics(null as never, [1]), /predictions: not a valid value/],
  ['no labels', () => data.majorityBaseline(null as never), /not a valid value, expected an array, found null/],
  ['no adapters', () => lora.combineAdapters(null as never), /combineAdapters, adapters: not a valid value/],
]

const input = (dtype: string, shape: unknown) =>
  graph.addInput(graph.createGraph('g'), 'x', dtype as graph.DataType, shape as graph.Shape)

const takers: Readonly<Record<string, (model: never) => unknown>> = {
  inspect: lora.inspect,
  countParameters: lora.countParameters,
  merge: lora.merge,
  unmerge: lora.unmerge,
  adapterStatus: lora.adapterStatus,
  withAdapter: (model) => lora.lora(model, {}),
  loadAdapter: (model) => lora.loadAdapter(model, undefined as never),
  switchable: (model) => lora.switchable(model, {}),
}

it.each(Object.entries(takers))('%s refuses what is no model', (name, call) => {
  for (const value of [undefined, null, 3, {}, { graph: {} }])
    expect(() => call(value as never)).toThrow(
      expect.objectContaining({
        name: 'ConfigError',
        problem: expect.objectContaining({ where: `${name}, model`, expected: expect.stringContaining('model') }),
      }),
    )
})

it.each(mistakes)('says what to do about %s', async (_, call, says) => {
  const error = await (async () => call())().catch((cause: unknown) => cause)
  expect(error).toBeInstanceOf(graph.ColaError)
  expect((error as Error).message).toMatch(says)
})

it('reads a file of a student that has fields of other programs', () => {
  const file = { model_type: 'distil-rnn', vocab_size: 9, transformers_version: '5.0.0' }
  expect(rnn.parseDistilRnnConfig(file)).toMatchObject({ ...file, hidden_size: 256 })
})
