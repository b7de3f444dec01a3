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
    /text after a closing quote.*Is the delimiter ";"\? Set it as delimiter\./,
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
    /texts, row 1, field "text": not a text.*found 5/,
  ],
]

it.each(mistakes)('says what to do about %s', async (_, call, says) => {
  const error = await (async () => call())().catch((cause: unknown) => cause)
  expect(error).toBeInstanceOf(graph.ColaError)
  expect((error as Error).message).toMatch(says)
})

it('reads a file of a student that has fields of other programs', () => {
  const file = { model_type: 'distil-rnn', vocab_size: 9, transformers_version: '5.0.0' }
  expect(rnn.parseDistilRnnConfig(file)).toMatchObject({ ...file, hidden_size: 256 })
})
