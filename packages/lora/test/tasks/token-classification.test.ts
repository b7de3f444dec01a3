// TOKEN_CLS: alignment, loss and adapters against transformers and PEFT (make-token-classification.py), training to
// entities, saving, exporting, and the rows that are refused.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { argMax, DataError, entityMetrics, random, filesOf, type Files } from '@cola/data'
import { readModel, toFloat32 } from '@cola/graph'
import {
  defaultDevice,
  externalDataOf,
  feedsOf,
  generateArtifacts,
  openEvaluation,
  openSession,
  sgd,
  TrainingSession,
} from '@cola/train'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  copyFolder,
  type Folder,
  folderAt,
  readText,
  reopening,
  temporaryFolders,
} from '../../../../tools/test-folders.ts'
import { readAdapter } from '../../src/adapter/files.ts'
import {
  adapterTensors,
  ConfigError,
  type FineTuned,
  fineTune,
  loadAdapter,
  loadFineTuned,
  openBase,
  type TokenClassificationRow,
} from '../../src/index.ts'
import { tokenClassification } from '../../src/tasks/token-classification.ts'

const out = temporaryFolders()
const fixtures = join(import.meta.dirname, '../fixtures')
const fixture = join(fixtures, 'token-classification')
const encoder = folderAt(fixture)
const embedded = folderAt(join(import.meta.dirname, '../../../../examples/model'))

interface Reference {
  tags: string[]
  rows: { words: string[]; tags: string[] }[]
  input_ids: number[][]
  labels: number[][]
  loss: number
  losses: number[]
  logits: number[][][]
  label_all_tokens: { labels: number[][]; loss: number }
}
const reference = JSON.parse(readFileSync(join(fixture, 'expected.json'), 'utf8')) as Reference

describe('against transformers and PEFT', () => {
  const base = openBase(encoder)
  const prepared = async (label_all_tokens: boolean) => {
    const opened = await base
    const settings = await tokenClassification.settings(reference.rows, { label_all_tokens }, opened, 8)
    const context = { base: opened, max_length: opened.max_length, where: 'train' }
    const { examples, truncated } = tokenClassification.encode(reference.rows, settings, context)
    expect(truncated).toBe(0)
    const model = loadAdapter(
      tokenClassification.head(opened, settings, 0),
      readAdapter(folderAt(join(fixture, 'adapter'))),
    )
    return { opened, settings, examples, model }
  }
  const run = async (label_all_tokens: boolean) => {
    const { opened, settings, examples, model } = await prepared(label_all_tokens)
    const batch = tokenClassification.collate(opened, model, settings)(examples)
    const session = await openEvaluation(model, {
      loss: tokenClassification.loss(settings, { base: opened, examples, batch_size: 1 }),
      device: defaultDevice(),
    })
    const result = await session.runEvalStep(batch)
    await session.release()
    return { settings, batch, result, model }
  }

  it('has the labels, ids, logits and loss of BertForTokenClassification with PEFT’s adapter', async () => {
    const { settings, batch, result } = await run(false)
    expect(settings).toEqual({ labels: reference.tags, label_all_tokens: false, punctuation: 'edges' })
    expect([...(batch.input_ids?.data ?? [])].map(Number)).toEqual(reference.input_ids.flat())
    expect([...(batch.labels?.data ?? [])]).toEqual(reference.labels.flat())
    expect(batch.labels?.dims).toEqual([reference.labels.length, reference.labels[0]?.length])
    expect(result.loss).toBeCloseTo(reference.loss, 5)
    const { data, dims } = result.outputs.logits as NonNullable<typeof result.outputs.logits>
    expect(dims).toEqual([3, reference.labels[0]?.length, reference.tags.length])
    const real = reference.input_ids.flat().flatMap((id) => reference.tags.map(() => id !== 0))
    const known = (values: readonly number[]) => values.filter((_, i) => real[i])
    expect(known([...data])).toBeAllclose(known(reference.logits.flat(2)), { atol: 1e-5 })
  })

  it('says how columns of the hub and words are given', async () => {
    const base = (await prepared(false)).opened
    const ofHub = [{ tokens: ['a'], ner_tags: [0] }] as never
    await expect(tokenClassification.settings(ofHub, {}, base, 1)).rejects.toThrow(
      /train, row 1: not a row .*Rename tokens to words, and ner_tags to tags: rows\.map.*option labels/,
    )
    const tuned = await fineTune(base, { task: 'TOKEN_CLS', train: [{ words: ['a'], tags: ['B-X'] }], epochs: 1 })
    await expect(tuned.tag([['Bob', 'went']] as never)).rejects.toThrow(
      'texts, row 1: an array in place of a text, found ["Bob","went"]. Write { words: [...] }.',
    )
    await tuned.release()
  })

  it('weighs tags by their words, as scikit-learn balances classes', async () => {
    const train = [
      { words: ['a', 'b', 'c', 'd'], tags: ['O', 'B-X', 'O', 'O'] },
      { words: ['a', 'b', 'c', 'd'], tags: ['B-X', 'I-X', 'O', 'O'] },
    ]
    const base = (await prepared(false)).opened
    const { class_weight } = await tokenClassification.settings(train, { class_weight: 'balanced' }, base, 1)
    expect(class_weight).toEqual({ O: 8 / 15, 'B-X': 4 / 3, 'I-X': 8 / 3 })
    const one = { class_weight: { 'B-Y': 2 } }
    await expect(tokenClassification.settings(train, one, base, 1)).rejects.toThrow(/no class, .*found "B-Y"/)
  })

  it('labels every piece where that is asked for', async () => {
    const { batch, result } = await run(true)
    expect([...(batch.labels?.data ?? [])]).toEqual(reference.label_all_tokens.labels.flat())
    expect(result.loss).toBeCloseTo(reference.label_all_tokens.loss, 5)
  })

  it.each([
    ['one batch', [3]],
    ['batches that are accumulated', [2, 1]],
  ])('trains as PyTorch does: %s', async (_, sizes) => {
    const { model, settings, examples, opened } = await prepared(false)
    const artifacts = generateArtifacts(model, {
      loss: tokenClassification.loss(settings, { base: opened, examples, batch_size: 1 }),
      optimizer: sgd(),
    })
    const session = await TrainingSession.create({ artifacts, device: defaultDevice() })
    const collate = tokenClassification.collate(opened, model, settings)
    const losses: number[] = []
    for (let step = 0; step < reference.losses.length; step++) {
      losses.push((await session.runEvalStep(collate(examples))).loss)
      const rows = [...examples]
      for (const size of sizes) await session.runTrainStep(collate(rows.splice(0, size)))
      await session.runOptimizerStep({ learningRate: 0.05 })
      await session.lazyResetGrad()
    }
    await session.release()
    expect(losses).toBeAllclose(reference.losses, { atol: 1e-5 })
  })

  it('writes PEFT’s adapter back, head included', async () => {
    const { model } = await run(false)
    const { tensors } = readAdapter(folderAt(join(fixture, 'adapter')))
    const written = adapterTensors(model)
    expect([...written.keys()].sort()).toEqual([...tensors.keys()].sort())
    for (const [name, value] of written) expect(toFloat32(value)).toEqual(toFloat32(tensors.get(name) as typeof value))
  })
})

interface Sentence {
  words: string[]
  tags: string[]
}

/** Sentences about people, of one name or two, and places, of one word or two. */
function entityRows(count: number, seed: number): Sentence[] {
  const stream = random(seed, 'entities')
  const entity = (type: string, ...words: string[]): Sentence => ({
    words,
    tags: words.map((_, i) => `${i === 0 ? 'B' : 'I'}-${type}`),
  })
  const plain = (text: string): Sentence => ({ words: text.split(' '), tags: text.split(' ').map(() => 'O') })
  const first = () => stream.pick(['anna', 'clara', 'hugo', 'oscar', 'peter', 'ruth'])
  const person = () =>
    stream.uniform() < 0.5 ? entity('PER', first()) : entity('PER', first(), stream.pick(['king', 'monk']))
  const place = () => entity('LOC', ...stream.pick([['garden'], ['kitchen'], ['queen', 'river']]))
  const sentences = [
    () => [plain('the waiter said that'), person(), plain('will sleep in the'), place(), plain('.')],
    () => [person(), plain('and'), person(), plain('found a book near the'), place(), plain('?')],
    () => [plain('every girl laughed at the red chair .')],
    () => [person(), plain('never danced .')],
  ]
  return Array.from({ length: count }, () => {
    const parts = stream.pick(sentences)()
    return { words: parts.flatMap(({ words }) => words), tags: parts.flatMap(({ tags }) => tags) }
  })
}

/** The same as a text with spans. */
function asSpans({ words, tags }: Sentence): { text: string; spans: { start: number; end: number; label: string }[] } {
  const starts = words.map((_, i) => words.slice(0, i).reduce((sum, word) => sum + word.length + 1, 0))
  const spans: { start: number; end: number; label: string }[] = []
  tags.forEach((tag, i) => {
    const [start, end] = [starts[i] as number, (starts[i] as number) + (words[i] as string).length]
    if (tag.startsWith('B-')) spans.push({ start, end, label: tag.slice(2) })
    else if (tag.startsWith('I-')) (spans.at(-1) as { end: number }).end = end
  })
  return { text: words.join(' '), spans }
}

const task = 'TOKEN_CLS'
const train = entityRows(160, 1)
const held = entityRows(60, 2)
const quick = { task, epochs: 2, batch_size: 8, device: defaultDevice() } as const
const learning = { ...quick, epochs: 6, learning_rate: 3e-3 } as const
const text = 'Anna King and Hugo found a book near the queen river?'

describe('fineTune with GPT-2’s weights, packed', () => {
  let tuned: FineTuned<'TOKEN_CLS'>
  beforeAll(async () => {
    tuned = await fineTune(embedded, { ...learning, train, validation: held })
  })
  afterAll(() => tuned.release())

  it('learns to find entities, and scores them as seqeval does', async () => {
    expect(tuned.labels).toEqual(['O', 'B-LOC', 'B-PER', 'I-LOC', 'I-PER'])
    expect(tuned.metrics.f1).toBeGreaterThan(0.95)
    expect(Object.keys(tuned.metrics)).toEqual(['precision', 'recall', 'f1', 'accuracy', 'f1_LOC', 'f1_PER'])
    const { metrics, predictions, loss } = await tuned.evaluate(held)
    expect(metrics).toEqual(tuned.metrics)
    expect(loss).toBeLessThan(0.3)
    const again = entityMetrics(
      predictions.map(({ tags }) => tags),
      held.map(({ tags }) => tags),
    )
    expect(metrics.f1).toBe(again.f1)
    expect(metrics.accuracy).toBe(again.accuracy)
    for (const [i, { tags, scores }] of predictions.entries()) {
      expect(tags.length).toBe(held[i]?.words.length)
      expect(scores.every((score) => score > 0.2 && score <= 1)).toBe(true)
    }
  })

  it('gives entities with their places in the text, and among words', async () => {
    const [found = [], none = []] = await tuned.tag([text, 'every girl laughed .'])
    expect(found.map(({ label, text: part, start, end }) => [label, part, start, end])).toEqual([
      ['PER', 'Anna King', 0, 9],
      ['PER', 'Hugo', 14, 18],
      ['LOC', 'queen river', 41, 52],
    ])
    for (const { text: part, start, end, score } of found) {
      expect(text.slice(start, end)).toBe(part)
      expect(score).toBeGreaterThan(0.5)
    }
    expect(none).toEqual([])
    const words = text.replace('?', ' ?').split(' ')
    const [among = []] = await tuned.tag([{ words }])
    expect(among.map(({ label, text: part, start, end }) => [label, part, start, end])).toEqual([
      ['PER', 'Anna King', 0, 2],
      ['PER', 'Hugo', 3, 4],
      ['LOC', 'queen river', 9, 11],
    ])
    expect(among.map(({ score }) => score)).toBeAllclose(
      found.map(({ score }) => score),
      { atol: 1e-5 },
    )
  })

  it('is the same from its folder, merged or not', async () => {
    await tuned.save(out('saved'))
    const adapter = readAdapter(out('saved'))
    expect(adapter.config.task_type).toBe('TOKEN_CLS')
    expect(adapter.head).toEqual({ name: 'classifier', num_labels: 5, pooling: 'none', labels: tuned.labels })
    const names = [...adapter.tensors.keys()].filter((name) => !name.includes('lora_'))
    expect(names).toEqual(['base_model.model.classifier.bias', 'base_model.model.classifier.weight'])
    const expected = await tuned.tag([text])
    for (const merge of [false, true]) {
      const opened = await loadFineTuned(out('saved'), { ...reopening(embedded), task, merge, device: defaultDevice() })
      expect(opened.metrics).toEqual(tuned.metrics)
      const found = await opened.tag([text])
      const places = (lists: typeof found) => lists.flat().map(({ score: _, ...place }) => place)
      expect(places(found)).toEqual(places(expected))
      expect(found.flat().map(({ score }) => score)).toBeAllclose(
        expected.flat().map(({ score }) => score),
        { atol: 1e-5 },
      )
      expect((await opened.evaluate(held)).metrics).toEqual(tuned.metrics)
      await opened.release()
    }
    await expect(loadFineTuned(out('saved'))).rejects.toThrow(/fine-tuned for another task.*TOKEN_CLS/)
  })

  it('exports logits of every token for other programs, padded on either side', async () => {
    await tuned.export(out('exported'))
    const config = JSON.parse(readText(out('exported'), 'config.json'))
    expect(config.architectures).toEqual(['GPT2ForTokenClassification'])
    expect(config.id2label).toEqual({ 0: 'O', 1: 'B-LOC', 2: 'B-PER', 3: 'I-LOC', 4: 'I-PER' })
    expect(config.label2id['I-PER']).toBe(4)
    const { examples } = await encoded(embedded, held.slice(0, 4), tuned)
    const { predictions } = await tuned.evaluate(held.slice(0, 4))
    for (const side of ['left', 'right'] as const) {
      const read = await exportedTags(out('exported'), examples, tuned.labels, side)
      expect(read).toEqual(predictions.map(({ tags }) => tags))
    }
  })

  it('counts what is cut off as missed, and says how much was', async () => {
    const warnings: string[] = []
    const short = await fineTune(embedded, {
      ...quick,
      train,
      validation: held,
      max_length: 6,
      epochs: 4,
      callbacks: { onWarning: ({ message }) => warnings.push(message) },
    })
    const { predictions, metrics } = await short.evaluate(held)
    await short.release()
    const long = held.filter(({ words }) => words.length > 5).length
    expect(warnings).toContainEqual(`${long} of ${held.length} validation rows were cut to 6 tokens`)
    predictions.forEach(({ tags, scores }, i) => {
      const words = held[i]?.words.length as number
      expect(tags.length).toBe(words)
      expect(tags.slice(5).every((tag) => tag === 'O')).toBe(true)
      expect(scores.slice(5).every((score) => score === 0)).toBe(true)
    })
    const beyond = held.flatMap(({ tags }) => tags.slice(5)).filter((tag) => tag.startsWith('B-')).length
    const all = held.flatMap(({ tags }) => tags).filter((tag) => tag.startsWith('B-')).length
    expect(metrics.recall).toBeLessThanOrEqual((all - beyond) / all)
    expect(metrics.f1_LOC).toBe(0)
  })
})

/** Examples as the model is given them. */
async function encoded(source: string | Files, rows: TokenClassificationRow[], { settings }: FineTuned<'TOKEN_CLS'>) {
  const base = await openBase(source)
  return tokenClassification.encode(rows, settings, { base, max_length: base.max_length, where: 'rows' })
}

type Examples = Awaited<ReturnType<typeof encoded>>['examples']

/** Tags that an exported model gives words, its logits read at their first tokens. */
async function exportedTags(folder: Folder, examples: Examples, labels: readonly string[], side: 'left' | 'right') {
  const graph = readModel(filesOf(folder).read('model.onnx'), { externalData: externalDataOf(folder) })
  expect(graph.outputs).toEqual(['logits'])
  const width = Math.max(...examples.map(({ input_ids }) => input_ids.length)) + (side === 'left' ? 2 : 0)
  const shift = (length: number) => (side === 'left' ? width - length : 0)
  const grid = (value: (example: Examples[number], at: number) => number) =>
    examples.flatMap((example) =>
      Array.from({ length: width }, (_, i) => value(example, i - shift(example.input_ids.length))),
    )
  const values: Record<string, number[]> = {
    input_ids: grid(({ input_ids }, at) => input_ids[at] ?? 0),
    attention_mask: grid(({ input_ids }, at) => (input_ids[at] === undefined ? 0 : 1)),
    token_type_ids: grid(() => 0),
  }
  const dims = [examples.length, width]
  const batch = Object.fromEntries(
    graph.inputs.map((name) => [name, { data: BigInt64Array.from(values[name] as number[], BigInt), dims }]),
  )
  const session = await openSession({ graph }, defaultDevice())
  const { logits } = await session.run(feedsOf(graph, graph.inputs, batch).feeds)
  await session.release()
  expect(logits?.dims).toEqual([...dims, labels.length])
  const data = logits?.data as Float32Array
  return examples.map(({ input_ids, first_tokens }, row) =>
    first_tokens.map((token) => {
      const at = (row * width + shift(input_ids.length) + token) * labels.length
      return labels[argMax(data.subarray(at, at + labels.length))]
    }),
  )
}

describe('rows that are texts with spans', () => {
  it('train as words do', async () => {
    const tuned = await fineTune(embedded, {
      ...learning,
      train: train.map(asSpans),
      validation: held.map(asSpans),
    })
    expect(tuned.settings.punctuation).toBe('all')
    expect(tuned.labels).toEqual(['O', 'B-LOC', 'B-PER', 'I-LOC', 'I-PER'])
    expect(tuned.metrics.f1).toBeGreaterThan(0.95)
    const [found = []] = await tuned.tag(['  Anna King\tand\nHugo found a book.'])
    expect(found.map(({ text: part, start, end }) => [part, start, end])).toEqual([
      ['Anna King', 2, 11],
      ['Hugo', 16, 20],
    ])
    await tuned.release()
  })

  it('a share of the rows validates, and the tags are those of all rows', async () => {
    const rare = { text: 'the tower', spans: [{ start: 4, end: 9, label: 'RARE' }] }
    const tuned = await fineTune(embedded, {
      ...quick,
      train: [...train.slice(0, 30).map(asSpans), rare],
      validation: 0.3,
    })
    expect(tuned.labels).toEqual(expect.arrayContaining(['B-RARE', 'I-RARE']))
    await tuned.release()
  })
})

describe('other models', () => {
  const exports = join(fixtures, 'exports')
  const copies = readdirSync(exports).map((name) => {
    const folder = out(`models-${name}`)
    copyFolder(folderAt(join(exports, name)), folder, ['model.onnx', 'config.json'])
    copyFolder(encoder, folder, ['tokenizer.json', 'tokenizer_config.json'])
    return [name, folder] as const
  })
  const rows = reference.rows.map(({ words, tags }) => ({ words: words.slice(0, 4), tags: tags.slice(0, 4) }))

  it.each(copies)('%s, saved, opened and exported', async (name, folder) => {
    const tuned = await fineTune(folder, { ...quick, train: rows, validation: rows, max_length: 10 })
    const { predictions, loss } = await tuned.evaluate(rows)
    await tuned.save(out(`saved-${name}`))
    await tuned.export(out(`exported-${name}`))
    await tuned.release()
    const { head } = readAdapter(out(`saved-${name}`))
    expect(head?.name).toBe(name.startsWith('llama') ? 'score' : 'classifier')
    const opened = await loadFineTuned(out(`saved-${name}`), {
      ...reopening(folder),
      task,
      device: defaultDevice(),
      merge: true,
    })
    const again = await opened.evaluate(rows)
    await opened.release()
    expect(again.loss).toBeCloseTo(loss, 4)
    expect(again.predictions.flatMap(({ scores }) => scores)).toBeAllclose(
      predictions.flatMap(({ scores }) => scores),
      { atol: 1e-5 },
    )
    const { examples } = await encoded(folder, rows, tuned)
    const read = await exportedTags(out(`exported-${name}`), examples, tuned.labels, 'right')
    expect(read).toEqual(predictions.map(({ tags }) => tags))
  })
})

describe('refuses, before anything is trained', () => {
  const good = [
    { words: ['Anna', 'slept'], tags: ['B-PER', 'O'] },
    { text: 'Anna met Hugo King.', spans: [{ start: 0, end: 4, label: 'PER' }] },
  ]
  const bad = (row: unknown, options: object = {}) =>
    fineTune(embedded, { ...quick, train: [...good, row as TokenClassificationRow], ...options })
  const span = (start: unknown, end: unknown, label: unknown = 'PER', line = 'Anna met O’Neil-Smith, in the U.N.') => ({
    text: line,
    spans: [{ start, end, label }],
  })
  it.each([
    [{ label: 'x' }, /train, row 3: not a row of token classification.*\{ words, tags \}.*found the fields label/],
    [{}, /train, row 3: not a row of token classification/],
    [{ words: ['a'], tags: ['O'], spans: [] }, /train, row 3: words, and a text or spans too/],
    [{ words: ['a', 'b'], tags: ['O'] }, /train, row 3, field "tags": not one tag a word, expected 2 tags.*found 1/],
    [{ words: ['a'] }, /train, row 3, field "tags": no tags.*found nothing\.$/],
    [{ words: ['a'], tag: ['O'] }, /train, row 3, field "tags": no tags.*Rename tag to tags\./],
    [{ text: 'Anna', span: [] }, /train, row 3, field "spans": no spans.*Rename span to spans\./],
    [{ word: ['a'], tags: ['O'] }, /train, row 3: not a row of token classification.*Rename word to words\./],
    [{ words: ['a'], tags: 'O' }, /train, row 3, field "tags": no tags/],
    [{ words: [], tags: [] }, /train, row 3, field "words": no words/],
    [{ words: ['a', ''], tags: ['O', 'O'] }, /train, row 3, field "words", word 2: an empty word/],
    [{ words: ['a', 5], tags: ['O', 'O'] }, /train, row 3, field "words", word 2: not a word/],
    [{ words: ['a', 'b'], tags: ['O', 'I-PER'] }, /train, row 3, token 2: an I that continues nothing/],
    [{ words: ['a', 'b'], tags: ['O', 'PER'] }, /train, row 3, token 2: no tag of IOB2.*found "PER"/],
    [{ words: ['a', 'b'], tags: ['O', 3] }, /train, row 3, token 2: a number in place of a tag.*found 3/],
    [{ text: 'Anna' }, /train, row 3, field "spans": no spans/],
    [{ text: ' ', spans: [] }, /train, row 3, field "text": an empty text/],
    [{ spans: [] }, /train, row 3, field "text": the row has no such field, .*found only spans/],
    [
      span(-1, 4),
      /train, row 3, field "spans", span 1: not a part of the text.*0 <= start < end <= 34.*start -1, end 4/,
    ],
    [span(0, 35), /span 1: not a part of the text/],
    [span(4, 4), /span 1: not a part of the text/],
    [span(0, 2.5), /span 1: not a part of the text/],
    [span(0, undefined), /span 1: not a part of the text.*end nothing/],
    [span(0, 4, ''), /span 1, field "label": not a label/],
    [span(0, 4, 7), /span 1, field "label": not a label.*found 7/],
    [span(0, 3), /span 1: cuts the word "Anna", expected an edge at 0 or 4, found 0 to 3, "Ann"/],
    [span(13, 15), /cuts the word "Neil"/],
    [span(8, 9), /span 1: no word in it, found " "/],
    [{ text: 'Anna', spans: [null] }, /span 1, field "label": not a label/],
    [
      {
        text: 'Anna King met',
        spans: [
          { start: 5, end: 9, label: 'PER' },
          { start: 0, end: 9, label: 'PER' },
        ],
      },
      /span 1: overlaps span 2, found 0 to 9 "Anna King" and 5 to 9 "King"/,
    ],
  ])('a row with %j', async (row, message) => {
    await expect(bad(row)).rejects.toThrow(DataError)
    await expect(bad(row)).rejects.toThrow(message)
  })
  it.each([
    [
      { validation: [{ words: ['Anna'], tags: ['B-LOC'] }] },
      /validation, row 1, field "tags", word 1 "Anna": a tag that is none of the labels.*B-PER.*found "B-LOC"/,
    ],
    [
      { validation: [{ text: 'in Anna', spans: [{ start: 3, end: 7, label: 'LOC' }] }] },
      /validation, row 1, field "spans", word 2 "Anna": a tag that is none of the labels/,
    ],
    [{ validation: [{ words: ['Anna'], tags: [] }] }, /validation, row 1, field "tags": not one tag a word/],
    [
      { labels: ['O', 'B-LOC'] },
      /train, row 1, field "tags", word 1 "Anna": a tag that is none of the labels.*labels too/,
    ],
  ])('rows with %j', async (options, message) => {
    await expect(bad(good[0], options)).rejects.toThrow(DataError)
    await expect(bad(good[0], options)).rejects.toThrow(message)
  })
  it.each([
    [{ labels: ['B-PER'] }, /option labels: not a valid value.*"O" among those of entities/],
    [{ labels: ['O', 'PER'] }, /option labels/],
    [{ labels: ['O', 'B-PER', 'B-PER'] }, /option labels/],
    [{ label_all_tokens: 1 }, /option label_all_tokens/],
    [{ punctuation: 'none' }, /option punctuation/],
    [{ pooling: 'mean' }, /option pooling: no such option/],
  ])('options %j', async (options, message) => {
    await expect(bad(good[0], options)).rejects.toThrow(ConfigError)
    await expect(bad(good[0], options)).rejects.toThrow(message)
  })
  it('what is no text to be tagged', async () => {
    const tuned = await fineTune(embedded, { ...quick, train: good, epochs: 1 })
    await expect(tuned.evaluate([{ words: ['Anna'], tags: ['B-LOC'] }])).rejects.toThrow(
      /rows, row 1, field "tags", word 1 "Anna": a tag .*The model knows its tags alone/,
    )
    expect(await tuned.tag(['', ' '])).toEqual([[], []])
    await expect(tuned.tag(['a', 5 as never])).rejects.toThrow(/texts, row 2, field "text": not a text/)
    await expect(tuned.tag([null as never])).rejects.toThrow(DataError)
    await expect(tuned.tag([{ words: ['a', ''] }])).rejects.toThrow(
      /texts, row 1, field "words", word 2: an empty word/,
    )
    await expect(tuned.evaluate([{ words: ['a'] } as never])).rejects.toThrow(/rows, row 1, field "tags"/)
    expect(await tuned.tag([])).toEqual([])
    expect(await tuned.tag([{ words: ['\u0007', 'Anna'] }])).toEqual([expect.any(Array)])
    await tuned.release()
  })
})
