// TOKEN_CLS with tags of any kind: parts of speech, chunks and PEFT's numbers, tags of other schemes, numbers with names.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { argMax, DataError, random, tagMetrics } from '@cola/data'
import { defaultDevice } from '@cola/train'
import { describe, expect, it } from 'vitest'
import { folderAt, readText, reopening, temporaryFolders } from '../../../../tools/test-folders.ts'
import { readAdapter } from '../../src/adapter/files.ts'
import { ConfigError, fineTune, type FineTuneOptions, loadFineTuned } from '../../src/index.ts'

const out = temporaryFolders()
const fixture = join(import.meta.dirname, '../fixtures/token-classification')
const embedded = folderAt(join(import.meta.dirname, '../../../../examples/model'))
const task = 'TOKEN_CLS'
const device = defaultDevice()

type Tagged = { words: string[]; tags: string[] }

/** Sentences of a small grammar, whose words have a tag by their part. */
function sentences(count: number, seed: number, name: (part: string) => string): Tagged[] {
  const stream = random(seed, 'tags')
  const parts = {
    DET: ['the', 'every', 'a'],
    ADJ: ['red', 'old'],
    NOUN: ['girl', 'waiter', 'chair', 'river'],
    VERB: ['laughed', 'danced', 'slept'],
  }
  return Array.from({ length: count }, () => {
    const form = stream.pick([
      ['DET', 'NOUN', 'VERB'],
      ['DET', 'ADJ', 'NOUN', 'VERB'],
      ['NOUN', 'VERB'],
    ] as const)
    return { words: form.map((part) => stream.pick(parts[part])), tags: form.map(name) }
  })
}

/** Three sets of tags, none of which make entities. */
const sets: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'Universal Dependencies': { DET: 'DET', ADJ: 'ADJ', NOUN: 'NOUN', VERB: 'VERB' },
  'Penn Treebank': { DET: 'PRP$', ADJ: '-LRB-', NOUN: 'NN', VERB: '.' },
  'types with O': { DET: 'O', ADJ: 'O', NOUN: 'PER', VERB: 'O' },
}
const learning = { task, epochs: 5, batch_size: 8, learning_rate: 3e-3, device } as const

describe.each(Object.entries(sets))('tags of %s', (name, set) => {
  const of = (count: number, seed: number) => sentences(count, seed, (part) => set[part] as string)
  const [train, held] = [of(80, 1), of(30, 2)]

  it('are learned, scored by word, saved, opened and exported', async () => {
    const labels = [...new Set(Object.values(set))].sort()
    const tuned = await fineTune(embedded, { ...learning, train, validation: held })
    expect(tuned.labels).toEqual(labels)
    expect(Object.keys(tuned.metrics)).toEqual(
      ['accuracy', 'precision', 'recall', 'f1']
        .flatMap((one) => (one === 'accuracy' ? [one] : [`${one}_macro`]))
        .concat(['precision_weighted', 'recall_weighted', 'f1_weighted']),
    )
    expect(tuned.metrics.accuracy).toBeGreaterThan(0.9)
    const { predictions, metrics } = await tuned.evaluate(held)
    expect(metrics).toEqual(
      tagMetrics(
        predictions.map(({ tags }) => tags),
        held.map(({ tags }) => tags),
      ),
    )
    const [row] = held as [Tagged]
    const [among = []] = await tuned.tag([{ words: row.words }])
    const [tags, scores] = [predictions[0]?.tags, predictions[0]?.scores]
    expect(among.map(({ label, text, start, end }) => [label, text, start, end])).toEqual(
      row.words.map((word, i) => [tags?.[i], word, i, i + 1]),
    )
    expect(among.map(({ score }) => score)).toBeAllclose([...(scores ?? [])], { atol: 1e-5 })
    const [inText = []] = await tuned.tag(['every old  girl.'])
    expect(inText.map(({ text, start, end }) => [text, start, end])).toEqual([
      ['every', 0, 5],
      ['old', 6, 9],
      ['girl', 11, 15],
      ['.', 15, 16],
    ])
    await tuned.save(out(name))
    await tuned.export(out(`${name} exported`))
    await tuned.release()
    const config = JSON.parse(readText(out(`${name} exported`), 'config.json'))
    expect(Object.values(config.id2label)).toEqual(labels)
    expect(readAdapter(out(name)).head?.labels).toEqual(labels)
    const opened = await loadFineTuned(out(name), { ...reopening(embedded), task, device })
    expect((await opened.evaluate(held)).metrics).toEqual(metrics)
    expect((await opened.tag([{ words: row.words }]))[0]?.map(({ label }) => label)).toEqual(tags)
    await opened.release()
  })
})

const once = { task, epochs: 1, device } as const
const cat = { words: ['the', 'cat', 'runs'], tags: ['DET', 'NOUN', 'VERB'] }
type Options = FineTuneOptions<'TOKEN_CLS'>
const warnings: string[] = []
const callbacks = { onWarning: ({ message }: { message: string }) => warnings.push(message) }
const labelsOf = async (options: Omit<Options, 'task'>) => {
  warnings.length = 0
  const tuned = await fineTune(embedded, { ...once, callbacks, ...options } as Options)
  await tuned.release()
  return [tuned.labels, warnings.filter((one) => one.includes('tag')).length] as const
}

it.each<[string, Omit<Options, 'task'>, string[], number]>([
  ['of a single row', { train: [cat] }, ['DET', 'NOUN', 'VERB'], 0],
  ['in an order that is said', { train: [cat], labels: ['VERB', 'X', 'NOUN', 'DET'] }, ['VERB', 'X', 'NOUN', 'DET'], 0],
  ['that are O alone, with a warning', { train: [{ words: ['a'], tags: ['O'] }] }, ['O'], 1],
  ['that are O alone, with names', { train: [{ words: ['a'], tags: ['O'] }], labels: ['O', 'B-X'] }, ['O', 'B-X'], 0],
  ['of texts without a span', { train: [{ text: 'a', spans: [] }] }, ['O'], 1],
  ['that are numbers', { train: [{ words: ['a', 'b'], tags: [2, 0] }], labels: ['X', 'Y', 'Z'] }, ['X', 'Y', 'Z'], 0],
  [
    'of no scheme, whatever they look like',
    { train: [{ words: ['a', 'b'], tags: ['I-X', 'B_y'] }], scheme: null },
    ['B_y', 'I-X'],
    0,
  ],
  [
    'of IOB1',
    { train: [{ words: ['a', 'b', 'c'], tags: ['I-X', 'I-X', 'B-X'] }], scheme: 'IOB1' },
    ['O', 'B-X', 'I-X'],
    0,
  ],
  [
    'in another spelling',
    { train: [{ words: ['a', 'b'], tags: ['b_x', 'i_x'] }], scheme: 'IOB2' },
    ['O', 'B-x', 'I-x'],
    0,
  ],
  [
    'of IOBES, as numbers',
    {
      train: [{ words: ['a', 'b', 'c'], tags: [1, 3, 4] }],
      labels: ['O', 'B-X', 'I-X', 'E-X', 'S-X'],
      scheme: 'IOBES',
    },
    ['O', 'B-X', 'I-X'],
    0,
  ],
])('trains with tags %s', async (_, options, labels, told) => {
  expect(await labelsOf(options)).toEqual([labels, told])
})

it('reads rows in the scheme of the training, also where the model was saved', async () => {
  const labels = ['O', 'B-X', 'L-X', 'U-X', 'I-X']
  const train = [{ words: ['a', 'b', 'c', 'd'], tags: [1, 2, 0, 3] }]
  const named = [{ words: ['a', 'b', 'c', 'd'], tags: ['B-X', 'L-X', 'O', 'U-X'] }]
  const tuned = await fineTune(embedded, {
    ...learning,
    epochs: 30,
    train,
    labels,
    scheme: 'BILOU',
    label_all_tokens: true,
  })
  const all = await tuned.evaluate(train)
  expect(all.metrics).toMatchObject({ f1: 1, accuracy: 1, f1_X: 1 })
  expect(all.predictions[0]?.tags).toEqual(['B-X', 'I-X', 'O', 'B-X'])
  expect((await tuned.tag([{ words: ['a', 'b', 'c', 'd'] }]))[0]?.map(({ label, text }) => [label, text])).toEqual([
    ['X', 'a b'],
    ['X', 'd'],
  ])
  await tuned.save(out('bilou'))
  await tuned.release()
  const opened = await loadFineTuned(out('bilou'), { ...reopening(embedded), task, device, scheme: 'BILOU' })
  expect(opened.settings).toMatchObject({ scheme: 'BILOU', labels: ['O', 'B-X', 'I-X'], names: labels })
  for (const rows of [train, named]) expect((await opened.evaluate(rows)).metrics).toEqual(all.metrics)
  await expect(opened.evaluate([{ words: ['a'], tags: ['B-X'] }])).rejects.toThrow(
    /rows, row 1, token 1: an entity without/,
  )
  await opened.release()
  await expect(loadFineTuned(out('bilou'), { ...reopening(embedded), task, device, scheme: null })).rejects.toThrow(
    /option scheme: the model was trained with another one/,
  )
})

it('counts words that are cut off as missed, and gives them no tag', async () => {
  const train = sentences(20, 3, (part) => part)
  const tuned = await fineTune(embedded, { ...once, train, max_length: 3 })
  const row = { words: ['the', 'old', 'girl', 'slept'], tags: ['DET', 'ADJ', 'NOUN', 'VERB'] }
  const { predictions, metrics } = await tuned.evaluate([row])
  expect(predictions[0]?.tags.slice(2)).toEqual(['', ''])
  expect(metrics.accuracy).toBeLessThanOrEqual(0.5)
  expect((await tuned.tag([{ words: row.words }]))[0]).toHaveLength(2)
  await tuned.release()
})

describe('tags that are plainly a scheme are refused, with the option that reads them', () => {
  it.each<[string[][], RegExp]>([
    [[['I-PER', 'I-PER', 'O']], /row 1, token 1: an I that continues nothing.*scheme: 'IOB1'.*scheme: null/],
    [[['B-PER', 'I-LOC', 'O']], /row 1, token 2: an I that continues nothing.*scheme: 'IOB1'/],
    [[['O'], ['B-PER', 'E-PER', 'S-LOC']], /row 2, token 2: no tag of IOB2.*found "E-PER".*scheme: 'IOBES'/],
    [[['S-PER', 'O']], /token 1: no tag of IOB2.*scheme: 'IOBES'/],
    [[['U-PER', 'O', 'B-X', 'L-X']], /token 1: no tag of IOB2.*scheme: 'BILOU'/],
    [[['b-per', 'i-per', 'o']], /token 1: no tag of IOB2.*found "b-per".*scheme: 'IOB2'/],
    [[['B_PER', 'O', 'I_PER']], /token 1: no tag of IOB2.*scheme: 'IOB1'/],
    [[['B-PER', 'LOC']], /token 2: no tag of IOB2.*"IOB1", "IOB2", "IOBES", "BILOU".*option scheme/],
  ])('%j', async (tags, message) => {
    const train = tags.map((one) => ({ words: one.map((_, i) => `w${i}`), tags: one }))
    await expect(fineTune(embedded, { ...once, train })).rejects.toThrow(DataError)
    await expect(fineTune(embedded, { ...once, train })).rejects.toThrow(message)
  })
  it.each<[object, RegExp]>([
    [{ scheme: 'IOB' }, /option scheme: .*"IOB1", "IOB2", "IOBES", "BILOU", or null/],
    [{ scheme: 'IOBES' }, /train, row 1, token 1: no tag of IOBES, .*found "DET"/],
    [{ labels: ['O', 'B-X', 'DET'] }, /train, row 1, token 1: no tag of IOB2.*found "DET"/],
    [{ labels: ['S-X', 'E-X'] }, /option labels: .*"O" among those of entities/],
    [{ labels: [] }, /option labels: /],
    [{ labels: ['DET', ''] }, /option labels: /],
    [
      { train: [{ words: ['a'], tags: [0] }] },
      /train, row 1, token 1: a number in place of a tag.*option labels names/,
    ],
    [{ train: [{ words: ['a'], tags: [2] }], labels: ['X', 'Y'] }, /token 1: no tag, .*from 0 to 1, found 2/],
    [{ train: [{ words: ['a'], tags: [0.5] }], labels: ['X', 'Y'] }, /token 1: no tag, .*found 0\.5/],
    [{ train: [{ words: ['a'], tags: [''] }] }, /token 1: no tag, .*found ""/],
    [
      { train: [{ words: ['a'], tags: ['O'] }], labels: ['O', 'S-X', 'B-X'] },
      /option labels: a tag that is not of IOB2.*found "S-X".*scheme: 'IOBES'/,
    ],
    [
      { validation: [{ words: ['a'], tags: ['ADV'] }] },
      /validation, row 1, field "tags", word 1 "a": a tag that is none/,
    ],
  ])('options %j', async (options, message) => {
    const call = fineTune(embedded, { ...once, train: [cat], ...options } as Options)
    await expect(call).rejects.toThrow(message)
    await expect(call).rejects.toSatisfy((error) => error instanceof ConfigError || error instanceof DataError)
  })
})

describe('PEFT’s adapter for BertForTokenClassification', () => {
  const reference = JSON.parse(readFileSync(join(fixture, 'expected.json'), 'utf8')) as {
    rows: Tagged[]
    labels: number[][]
    logits: number[][][]
  }
  const adapter = folderAt(join(fixture, 'adapter'))
  const open = { base: folderAt(fixture), task, device } as const
  /** What PyTorch's logits say of each word. */
  const right = (names: readonly string[]) =>
    reference.labels.map((row, i) =>
      row.flatMap((label, token) => (label < 0 ? [] : [names[argMax(reference.logits[i]?.[token] ?? [])] as string])),
    )
  const pos = ['ADJ', 'ADP', 'DET', 'NOUN', 'PROPN', 'VERB']
  it.each([
    ['numbers, as PEFT leaves them', undefined, pos.map((_, i) => `LABEL_${i}`)],
    ['parts of speech', pos, pos],
  ])('answers with %s', async (_, labels, names) => {
    const tagger = await loadFineTuned(adapter, { ...open, ...(labels ? { labels } : {}) })
    const rows = reference.rows.map(({ words }, i) => ({ words, tags: right(names)[i] as string[] }))
    const answers = await tagger.tag(rows.map(({ words }) => ({ words })))
    expect(answers.map((one) => one.map(({ label }) => label))).toEqual(right(names))
    expect((await tagger.evaluate(rows)).metrics).toMatchObject({ accuracy: 1, f1_macro: 1 })
    await tagger.release()
  })
  it('joins the tags of IOBES to entities, and reads rows of it', async () => {
    const labels = ['O', 'S-A', 'S-B', 'B-A', 'I-A', 'E-A']
    for (const scheme of [undefined, 'IOBES'] as const) {
      const tagger = await loadFineTuned(adapter, { ...open, labels, ...(scheme ? { scheme } : {}) })
      const answers = (await tagger.tag(reference.rows.map(({ words }) => ({ words })))).flat()
      expect(answers.filter(({ label }) => label !== 'A' && label !== 'B')).toEqual([])
      const rows = reference.rows.map(({ words }, i) => ({ words, tags: right(labels)[i] as string[] }))
      expect((await tagger.evaluate(rows)).metrics.accuracy).toBe(1)
      await tagger.release()
    }
  })
})
