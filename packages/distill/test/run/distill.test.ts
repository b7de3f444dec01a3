// distill end to end: every kind of teacher, of label and of student, and what is refused before the teacher is asked.

import { DataError, HubError } from '@cola/data'
import { addInitializer, addInput, build, createGraph, float32, safetensorsChunks, toFloat32 } from '@cola/graph'
import { type FineTuned, fineTune } from '@cola/lora'
import { createStudent, embeddingFrom, loadStudent, parseDistilRnnConfig } from '@cola/rnn'
import {
  ConfigError,
  crossEntropy,
  FeedError,
  loadClassifier,
  paddedBatches,
  defaultDevice,
  SessionError,
} from '@cola/train'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import {
  copyFolder,
  fileIn,
  type Folder,
  folderAt,
  storeOf,
  temporaryFolders,
  writeText,
} from '../../../../tools/test-folders.ts'
import {
  type DistilledStudent,
  type DistillOptions,
  type DistillRow,
  distill,
  pairLossGraph,
  type StudentModel,
  type Teacher,
  type TeacherSource,
  withProjection,
} from '../../src/index.ts'
import { kindOf, kinds, modelFolder, oracle, rowsOf, tokenizer } from '../support/sentences.ts'

const out = temporaryFolders()
/** Files by themselves. */
const files = out('files')
const model = folderAt(modelFolder)

const all = rowsOf(120, 1)
const [rows, others] = [all.slice(0, 90), all.slice(90)]
const texts = others.slice(0, 6).map(({ text }) => text)
const student = { embedding_size: 12, hidden_size: 12 } as const
const quick = {
  student,
  tokenizer,
  epochs: 2,
  batch_size: 8,
  learning_rate: 2e-2,
  seed: 1,
  device: defaultDevice(),
} as const
/** Labels that are all wrong: who learns the truth has it from the teacher alone. */
const wrong = rows.map(({ text, label }) => ({ text, label: kinds[(kinds.indexOf(label) + 1) % 3] as string }))

/** Distils, and frees the student. */
async function run(options: DistillOptions) {
  const result = await distill(options)
  await result.release()
  return result
}

/** A file of logits: a tensor a split. */
function logitsFile(name: string, splits: Readonly<Record<string, { values: Float32Array; width: number }>>) {
  const tensors = Object.entries(splits).map(
    ([split, { values, width }]) => [split, float32([values.length / width, width], values)] as const,
  )
  storeOf(files).write(`${name}.safetensors`, safetensorsChunks(new Map(tensors)))
  return fileIn(files, `${name}.safetensors`)
}

describe('a fine-tuned model as the teacher', () => {
  let tuned: FineTuned
  let folder: Folder
  let logits: Float32Array
  beforeAll(async () => {
    tuned = await fineTune(model, { train: rows, epochs: 3, device: defaultDevice() })
    folder = out('exported')
    await tuned.export(folder)
    logits = await tuned.logits(rows.map(({ text }) => text))
  })
  afterAll(() => tuned.release())

  it('teaches by itself, by its folder, open, by its logits in a file, and as one of several', async () => {
    const { tokenizer: _, ...options } = { ...quick, train: rows }
    const classifier = await loadClassifier(folder)
    const path = logitsFile('tuned', { train: { values: logits, width: 3 } })
    const sources: (TeacherSource | TeacherSource[])[] = [tuned, folder, classifier, [tuned, folder]]
    const { training } = await run({ ...quick, train: rows, teacher: path })
    for (const teacher of sources) {
      const found = await run({ ...options, teacher })
      expect(found.labels).toEqual(kinds)
      expect(found.training.losses).toBeAllclose(training.losses, { atol: 1e-4 })
    }
    await classifier.release()
  })

  it('gives its classes to rows that lack one, and refuses a label that it has not, before it is asked', async () => {
    const found = await run({ ...quick, teacher: tuned, train: rows.filter(({ label }) => label !== 'thing') })
    expect(found.labels).toEqual(kinds)
    await expect(
      distill({ ...quick, teacher: tuned, train: [...rows, { text: 'the book', label: 'two' }] }),
    ).rejects.toThrow(
      /train, row 91, field "label": a label that is none of the classes, expected "many", "one", "thing", found "two"/,
    )
  })

  it('may have been distilled itself', async () => {
    const first = await distill({ ...quick, teacher: tuned, train: rows, epochs: 4 })
    const second = await run({ ...quick, tokenizer: undefined, teacher: first, train: rows } as never as DistillOptions)
    expect(second.tokenizer).toBe(first.tokenizer)
    await first.release()
  })

  it('of another task is refused', async () => {
    const scores = rows.slice(0, 8).map(({ text }, i) => ({ text, label: i / 8 }))
    const other = await fineTune(model, {
      train: scores,
      problem_type: 'regression',
      epochs: 1,
      device: defaultDevice(),
    })
    await other.export(out('regression'))
    for (const teacher of [other, out('regression')])
      await expect(distill({ ...quick, teacher, train: rows })).rejects.toThrow(
        /option teacher: it does not tell classes apart.*found regression/,
      )
    await tuned.save(out('adapter'))
    await expect(distill({ ...quick, teacher: out('adapter'), train: rows })).rejects.toThrow(
      /an adapter without its base model.*loadFineTuned/,
    )
    await other.release()
  })
})

describe('transfer texts', () => {
  const { teacher } = oracle()
  const losses = async (transfer: NonNullable<DistillOptions['transfer']>) =>
    (await run({ ...quick, teacher, train: wrong, transfer })).training.history.map(({ train_loss }) => train_loss)

  it('come from an array and from what gives them one by one, and are the same', async () => {
    const sync = function* () {
      yield* texts
    }
    const later = async function* () {
      for (const text of texts) yield await Promise.resolve(text)
    }
    const right = await losses(texts)
    for (const transfer of [sync(), later(), new Set(texts)]) expect(await losses(transfer)).toEqual(right)
    expect(await losses([])).not.toEqual(right)
    const broken = async function* () {
      yield 'a book'
      throw new Error('out of texts')
    }
    await expect(losses(broken())).rejects.toThrow('out of texts')
  })
})

describe('what comes back', () => {
  let distilled: DistilledStudent
  beforeAll(async () => {
    const options = { ...quick, epochs: 8, train: rows, validation: 0.2, heldOut: { others } }
    distilled = await distill({ ...options, teacher: oracle().teacher, transfer: texts })
  })
  afterAll(() => distilled.release())

  it('has the scores of the best epoch, and of rows that it is given', async () => {
    const { training, metrics, evaluation, heldOut } = distilled
    expect(training.history.length).toBe(8)
    expect(metrics).toEqual(training.history[(training.best?.epoch as number) - 1]?.eval_metrics)
    expect(evaluation?.metrics).toEqual(metrics)
    expect(evaluation?.predictions.length).toBe(18)
    expect(heldOut.others?.metrics.accuracy).toBeGreaterThan(0.9)
    const scored = await distilled.evaluate(others)
    expect(scored.metrics).toEqual(heldOut.others?.metrics)
    expect(scored.loss).toBeCloseTo(heldOut.others?.loss as number, 5)
    expect(scored.predictions.flat()).toBeAllclose(heldOut.others?.predictions.flat() ?? [], { atol: 1e-5 })
  })

  it('classifies any text, with words that the run had not and longer than its longest', async () => {
    const unseen = ['the queen vanished', `the boys ${'near the river '.repeat(12)}`]
    const found = await distilled.classify([...texts, ...unseen])
    expect(found.slice(0, 6).map(({ label }) => label)).toEqual(texts.map(kindOf))
    for (const { label, index, probabilities } of found) {
      expect(label).toBe(kinds[index])
      expect(probabilities.reduce((a, b) => a + b)).toBeCloseTo(1, 6)
    }
    expect(await distilled.classify([])).toEqual([])
    for (const method of ['classify', 'logits'] as const)
      for (const value of [undefined, null, 5, 'the book', ''])
        await expect(distilled[method](value as never)).rejects.toThrow(/^texts: not an array/)
    await expect(distilled.classify(['a', null as never])).rejects.toThrow(/texts, row 2, field "text": not a text/)
    expect((await distilled.classify(['the book', ''])).length).toBe(2)
    await expect(distilled.evaluate([{ text: 'a book', label: 'two' }])).rejects.toThrow(
      /rows, row 1, field "label".*The student knows its classes alone: rename the label.*namedRows/,
    )
  })

  it('is saved with PyTorch’s names, and exported for any runtime', async () => {
    const expected = await distilled.logits(texts)
    await distilled.save(out('saved'))
    const { config, parameters } = await loadStudent(out('saved'))
    expect(config).toMatchObject({ ...student, vocab_size: tokenizer.vocabSize, num_labels: 3, cell: 'lstm' })
    expect(config.id2label).toEqual({ 0: 'many', 1: 'one', 2: 'thing' })
    expect(parameters.get('rnn.weight_ih_l0_reverse')?.dims).toEqual([48, 12])
    expect(distilled.parameters.get('embedding.weight')?.dims).toEqual([tokenizer.vocabSize, 12])
    expect(storeOf(out('saved')).has('tokenizer.json')).toBe(true)
    for (const [options, atol] of [
      [{}, 1e-5],
      [{ dtype: 'float16', layout: 'hub' }, 0.05],
    ] as const) {
      const folder = out(`export ${atol}`)
      await distilled.export(folder, options)
      const classifier = await loadClassifier(folder)
      expect(classifier.labels).toEqual(kinds)
      expect(await classifier.logits(texts)).toBeAllclose(expected, { atol })
      await classifier.release()
    }
  })

  it('answers no more once it is released', async () => {
    const one = await distill({ ...quick, train: rows })
    await one.classify(texts)
    await one.release()
    await one.release()
    await expect(one.classify(texts)).rejects.toThrow(SessionError)
  })
})

describe('what a student learns from', () => {
  it('is the teacher, where the labels are wrong, and the labels, where there is none', async () => {
    const { teacher } = oracle()
    const loss = { alpha: 1, temperature: 1 }
    const learned = await run({ ...quick, epochs: 8, teacher, train: wrong, loss })
    expect(learned.training.history.at(-1)?.train_metrics.accuracy).toBeLessThan(0.2)
    const alone = await run({ ...quick, epochs: 8, train: wrong })
    expect(alone.training.history.at(-1)?.train_metrics.accuracy).toBeGreaterThan(0.8)
  })

  it('may be unlabelled texts alone, which count in no metric', async () => {
    const { teacher, asked } = oracle()
    const transfer = rows.map(({ text }) => text)
    const { training, metrics } = await run({ ...quick, epochs: 8, teacher, transfer, validation: others })
    expect(asked).toEqual(['transfer'])
    expect(metrics.accuracy).toBeGreaterThan(0.9)
    expect(training.history[0]?.train_metrics).toEqual({})
  })

  it('are the rows of a file of logits, whatever share of them is kept for validation', async () => {
    const { teacher } = oracle()
    const values = await teacher.logits({ name: 'train', texts: wrong.map(({ text }) => text) })
    const file = logitsFile('named', { in_domain: { values, width: 3 } })
    const options = { ...quick, train: wrong, validation: 0.3 }
    const expected = await run({ ...options, teacher })
    const found = await run({ ...options, teacher: file, splits: { train: 'in_domain' } })
    expect(found.training.losses).toEqual(expected.training.losses)
  })

  it('may be a sum of losses with a schedule', async () => {
    const loss = [
      { loss: pairLossGraph('logits_mse'), weight: 0.1 },
      { loss: crossEntropy(), weight: (progress: number) => 1 - progress },
    ]
    const { training } = await run({ ...quick, teacher: oracle().teacher, train: rows, loss, epochs: 4 })
    expect(training.losses.at(-1)).toBeLessThan(training.losses[0] as number)
  })

  it('may be a teacher that masks a class', async () => {
    const { teacher } = oracle()
    const masking: Teacher = {
      logits: async (split) => (await teacher.logits(split)).map((z) => (z < 0 ? Number.NEGATIVE_INFINITY : z)),
    }
    const options = { ...quick, epochs: 8, train: rows, loss: { alpha: 1 } }
    const { training } = await run({ ...options, teacher: masking })
    expect(training.history.at(-1)?.train_metrics.accuracy).toBeGreaterThan(0.9)
  })

  it('is kept beside the checkpoint, so that a resumed run does not ask again', async () => {
    const { teacher, asked } = oracle()
    const options = { ...quick, teacher, train: rows, output_dir: out('run') }
    const first = await run(options)
    const again = await run({ ...options, resume: true })
    expect(asked).toEqual(['train'])
    expect(again.training.history).toEqual(first.training.history)
  })
})

describe('labels', () => {
  const relabelled = <L extends DistillRow['label']>(names: readonly L[]) =>
    rows.map(({ text, label }) => ({ text, label: names[kinds.indexOf(label)] as L }))
  const unnamed: Teacher = { logits: oracle().teacher.logits }
  const named = (...labels: string[]): Teacher => ({ ...unnamed, labels })

  it.each([
    ['numbers, sorted', unnamed, [1, 3, 10], undefined, [1, 3, 10]],
    ['numbers, by a teacher’s texts', named('10', '3', '1'), [10, 3, 1], undefined, [10, 3, 1]],
    [
      'numbers, of a teacher whose classes nobody named',
      named('LABEL_0', 'LABEL_1', 'LABEL_2'),
      [0, 1, 2],
      undefined,
      [0, 1, 2],
    ],
    ['texts, in an order of one’s own', unnamed, ['c', 'a', 'b'], ['c', 'a', 'b'], ['c', 'a', 'b']],
    ['numbers, that say what a teacher’s classes are', named('x', 'y', 'z'), [0, 1, 2], [0, 1, 2], [0, 1, 2]],
  ] as const)('may be %s', async (_, teacher, names, labels, expected) => {
    const train: DistillRow[] = relabelled<string | number>(names)
    const options: DistillOptions = { ...quick, teacher, train, epochs: 6 }
    const found = await distill(labels ? { ...options, labels } : options)
    expect(found.labels).toEqual(expected)
    const classes = await found.classify(texts)
    expect(classes.map(({ label }) => label)).toEqual(texts.map((text) => names[kinds.indexOf(kindOf(text))]))
    await found.release()
  })

  it('may be true and false', async () => {
    const train = rows.map(({ text, label }) => ({ text, label: label === 'many' }))
    const found = await distill({ ...quick, train, epochs: 6 })
    expect(found.labels).toEqual([false, true])
    expect((await found.classify(texts)).map(({ label }) => label)).toEqual(
      texts.map((text) => kindOf(text) === 'many'),
    )
    await found.release()
  })
})

describe('students', () => {
  it('start from embeddings that are given', async () => {
    const values = Float32Array.from({ length: tokenizer.vocabSize * 5 }, (_, i) => Math.sin(i))
    const embedding = embeddingFrom(float32([tokenizer.vocabSize, 5], values))
    const options = { ...quick, student: { hidden_size: 6 }, embedding, train: rows, epochs: 1, learning_rate: 0 }
    const { parameters } = await run(options)
    expect(toFloat32(parameters.get('embedding.weight') as never)).toEqual(values)
    const frozen = embeddingFrom(float32([tokenizer.vocabSize, 5], values), { freeze: true })
    const trained = await run({ ...options, embedding: frozen, learning_rate: 0.1 })
    expect(toFloat32(trained.parameters.get('embedding.weight') as never)).toEqual(values)
    expect(trained.parameters.get('classifier.weight')).not.toEqual(parameters.get('classifier.weight'))
  })

  it('may be models of one’s own, of which hidden states are matched through a projection', async () => {
    const config = parseDistilRnnConfig({ ...student, vocab_size: tokenizer.vocabSize, num_labels: 3 })
    const made = createStudent({ config, sentences: all.map(({ text }) => tokenizer.encode(text)), seed: 1 })
    const projected = { ...made, model: withProjection(made.model, { width: 7 }) }
    const { teacher } = oracle(1)
    const showing: Teacher = {
      ...teacher,
      hidden: async (split) => {
        const logits = await teacher.logits(split)
        return Float32Array.from(split.texts.flatMap((_, i) => [...logits.subarray(3 * i, 3 * i + 3), 0, 0, 0, 1]))
      },
    }
    const loss = [
      { loss: pairLossGraph('hidden_mse', { student: 'projected_hidden', teacher: 'teacher_hidden' }) },
      { loss: crossEntropy(), weight: 0.5 },
    ]
    const options = { ...quick, student: projected, train: rows, loss, epochs: 8 }
    const found = await distill({ ...options, teacher: showing })
    expect(found.training.losses.at(-1)).toBeLessThan((found.training.losses[0] as number) / 2)
    expect(found.parameters.get('projected_hidden.weight')?.dims).toEqual([7, 24])
    expect((await found.classify(texts)).map(({ label }) => label)).toEqual(texts.map(kindOf))
    await found.release()
    await expect(distill({ ...options, teacher })).rejects.toThrow(/hidden states, and it shows none/)
    await expect(distill({ ...options, labels: [...kinds, 'other'] })).rejects.toThrow(
      /option student: its logits are not one a class, expected 4 logits, found 3/,
    )
  })

  /** A bag of words: the mean of the embeddings, read by a matrix. */
  function bagOfWords(): StudentModel {
    const graph = createGraph('bag')
    const g = build(graph)
    const weight = (name: string, rows: number, columns: number) =>
      addInitializer(
        graph,
        name,
        float32(
          [rows, columns],
          Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i + 1) / 2),
        ),
      )
    const [ids, mask] = [
      addInput(graph, 'input_ids', 'int64', ['batch', 'sequence']),
      addInput(graph, 'attention_mask', 'int64', ['batch', 'sequence']),
    ]
    const real = g.Unsqueeze(g.Cast(mask, { to: 1 }), g.int64([2]))
    const words = g.Mul(g.Gather(weight('embedding.weight', tokenizer.vocabSize, 8), ids), real)
    const sum = g.ReduceSum(words, g.int64([1]), { keepdims: 0 })
    g.node('MatMul', [sum, weight('classifier.weight', 8, 3)], { outputs: ['logits'] })
    graph.outputs = ['logits']
    const model = { graph, trainable: new Set(['embedding.weight', 'classifier.weight']) }
    return { model, collate: paddedBatches(graph) }
  }

  it('may be other models, which are saved under their own names and exported as they are', async () => {
    const found = await distill({ ...quick, student: bagOfWords(), teacher: oracle().teacher, train: rows, epochs: 8 })
    const expected = await found.logits(texts)
    expect((await found.classify(texts)).map(({ label }) => label)).toEqual(texts.map(kindOf))
    await found.save(out('bag'))
    expect(storeOf(out('bag')).has('model.safetensors')).toBe(true)
    await found.export(out('bag of words'))
    const classifier = await loadClassifier(out('bag of words'))
    expect(await classifier.logits(texts)).toBeAllclose(expected, { atol: 1e-4 })
    await classifier.release()
    await found.release()
  })

  it('are exported with the longest text that they were trained for', async () => {
    const found = await distill({ ...quick, train: rows, max_length: 3 })
    const long = [`${texts[0]} ${texts.join(' ')}`]
    const expected = await found.logits(long)
    expect(await found.logits([`${texts[0]}`])).toBeAllclose(expected, { atol: 1e-6 })
    await found.export(out('short'))
    const classifier = await loadClassifier(out('short'))
    expect(classifier.max_length).toBe(3)
    expect(await classifier.logits(long)).toBeAllclose(expected, { atol: 1e-5 })
    await classifier.release()
    await found.release()
  })

  it('that take what no other program makes of a text are not exported without their inference', async () => {
    const config = parseDistilRnnConfig({ ...student, vocab_size: tokenizer.vocabSize, num_labels: 3 })
    const { model, collate } = createStudent({ config, sentences: all.map(({ text }) => tokenizer.encode(text)) })
    const found = await distill({ ...quick, student: { model, collate }, train: rows })
    expect((await found.classify(texts)).length).toBe(6)
    await expect(found.export(out('packed'))).rejects.toThrow(/inputs that no other program makes.*inference/)
    await found.release()
  })
})

describe('texts that are too long', () => {
  it('are cut, counted and told of', async () => {
    const messages: string[] = []
    const options = { ...quick, train: rows, validation: others, max_length: 6, epochs: 1 }
    const found = await distill({
      ...options,
      callbacks: { onWarning: ({ message }: { message: string }) => messages.push(message) },
    })
    expect(messages.slice(0, 2)).toEqual([
      '90 of 90 train rows were cut to 6 tokens',
      '30 of 30 validation rows were cut to 6 tokens',
    ])
    messages.length = 0
    await found.classify([rows[0]?.text as string, 'the book'])
    expect(messages).toEqual(['1 of 2 texts were cut to 6 tokens'])
    expect((await found.evaluate(others)).warnings).toContain('30 of 30 rows were cut to 6 tokens')
    await found.release()
  })
})

describe('rows of a table', () => {
  it('whose labels are indices of the option labels train as those with names', async () => {
    const labels = ['thing', ...kinds.filter((kind) => kind !== 'thing')]
    const indexed = (part: typeof rows) => part.map(({ text, label }) => ({ text, label: labels.indexOf(label) }))
    const options = { ...quick, epochs: 1, labels }
    const expected = await run({ ...options, train: rows, validation: others, heldOut: { a: others } })
    const parts = { train: indexed(rows), validation: indexed(others), heldOut: { a: indexed(others) } }
    const found = await run({ ...options, ...parts })
    expect(found.labels).toEqual(labels)
    expect([found.metrics, found.heldOut]).toEqual([expected.metrics, expected.heldOut])
    await expect(run({ ...options, train: [{ text: 'a book', label: 3 }] })).rejects.toThrow(/none of the classes/)
  })
})

describe('classes that may not be meant', () => {
  const told = async (options: object) => {
    const messages: string[] = []
    await run({
      ...quick,
      epochs: 1,
      ...options,
      callbacks: { onWarning: ({ message }: { message: string }) => messages.push(message) },
    })
    return messages.filter((message) => /class/.test(message) && !/one class/.test(message))
  }
  const odd = [...rows.slice(0, 20), { ...all[20], label: kinds[0]?.toUpperCase() }]
  it('are told: names that are variants, and a single row', async () => {
    expect(await told({ train: rows.slice(0, 20) })).toEqual([])
    const single = expect.stringMatching(
      /^field "label": 1 of 4 classes with a single row, such as "[A-Z]+" in train, row 21;/,
    )
    expect(await told({ train: odd })).toEqual([single, expect.stringMatching(/differ in case or spaces alone/)])
    expect(await told({ train: odd, labels: [...new Set(odd.map(({ label }) => label))] })).toEqual([])
  })
  it('and rows of validation and held-out rows that are transfer texts too', async () => {
    const warnings: string[] = []
    const callbacks = { onWarning: ({ message }: { message: string }) => warnings.push(message) }
    const [train, validation, test] = [rows.slice(0, 20), others.slice(0, 3), others.slice(3, 5)]
    const transfer = [others[1], others[4]].map((row) => row?.text as string)
    await run({
      ...quick,
      epochs: 1,
      teacher: oracle().teacher,
      train,
      validation,
      heldOut: { test },
      transfer,
      callbacks,
    })
    const among = (name: string) => RegExp(`^\\d of \\d ${name} rows are transfer texts too, ${name}, row \\d for one`)
    expect(warnings.filter((message) => message.includes('transfer texts too'))).toEqual([
      expect.stringMatching(among('validation')),
      expect.stringMatching(among('heldOut.test')),
    ])
  })

  it('and rows of validation and held-out rows that are train rows too', async () => {
    const few = rows.slice(0, 20)
    const told = async (options: object) => {
      const warnings: string[] = []
      const callbacks = { onWarning: ({ message }: { message: string }) => warnings.push(message) }
      await run({ ...quick, epochs: 1, train: few, ...options, callbacks })
      return warnings.filter((message) => message.includes('are train rows'))
    }
    const unseen = others.filter(({ text }) => !few.some((row) => row.text === text)).slice(0, 4)
    expect(await told({ validation: unseen })).toEqual([])
    const advice = 'scores are better than on new rows; leave out one of each'
    const seen = [...unseen.slice(0, 2), { ...rows[0] }]
    expect(await told({ validation: seen, heldOut: { test: [{ ...rows[1] }] } })).toEqual([
      `1 of 3 validation rows are train rows too, validation, row 3 for one: ${advice}`,
      `1 of 1 heldOut.test rows are train rows too, heldOut.test, row 1 for one: ${advice}`,
    ])
    const twice = [...few, ...few.map((row) => ({ ...row }))]
    const [shared] = await told({ train: twice, validation: 0.2 })
    expect(shared).toMatch(/^\d+ of \d+ validation rows are train rows too, train, row \d+ for one/)
  })

  it('and a text with several labels', async () => {
    const [first] = rows as [(typeof rows)[number]]
    const train = [...rows.slice(0, 20), { text: first.text, label: kinds.find((kind) => kind !== first.label) }]
    const messages: string[] = []
    await run({
      ...quick,
      epochs: 1,
      train,
      callbacks: { onWarning: ({ message }: { message: string }) => messages.push(message) },
    } as never)
    expect(messages).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^field "label": 1 text has several labels, .* in train, row 21;/),
      ]),
    )
  })
  it('are named where no score tells of them', async () => {
    const seen: (readonly unknown[])[] = []
    await run({
      ...quick,
      epochs: 1,
      train: rows,
      validation: others,
      compute_metrics: async (_, __, { classes, target_names }) => {
        seen.push(target_names)
        return { accuracy: classes }
      },
    })
    expect(seen[0]).toEqual([...kinds].sort())
  })
})

describe('refuses, before the teacher is asked', () => {
  const { teacher, asked } = oracle()
  const refused = async (change: object, type: new (...args: never[]) => Error, message: RegExp) => {
    const options = { ...quick, teacher, train: rows, ...change } as DistillOptions
    await expect(distill(options)).rejects.toThrow(type)
    await expect(distill(options)).rejects.toThrow(message)
    expect(asked).toEqual([])
  }
  copyFolder(model, out('empty'), ['config.json'])
  writeText(files, 'text.safetensors', 'no tensors')

  it.each([
    [{ epoch: 3 }, /distill, option epoch: no such option\. Did you mean epochs\?/],
    [{ alpha: 0 }, /distill, option alpha: no such option\. It belongs to loss: loss: \{ alpha: \.\.\. \}/],
    [
      { class_weight: 'balanced' },
      /option class_weight: no such option\. It is loss: \{ weight: \[\.\.\.\] \}: a number/,
    ],
    [{ loss: { class_weight: {} } }, /option loss, option class_weight: no such option\. It is loss: \{ weight:/],
    [{ loss: { pos_weight: [1] } }, /option loss, option pos_weight: .*A text has one class/],
    [{ loss: { weight: [1, 2, 3], alpha: 1 } }, /option loss, option weight: .*no effect.*alpha 1/],
    [
      { loss: { label_smoothing: 0.1 }, train: [], transfer: texts },
      /option loss, option label_smoothing: .*no effect/,
    ],
    [{ epochs: 0 }, /distill, option epochs: not a valid value/],
    [{ learning_rate: Number.NaN }, /option learning_rate/],
    [{ callbacks: { onEpochs: () => {} } }, /option callbacks, option onEpochs: no such option/],
    [{ resume: true }, /option resume: there is no folder of checkpoints/],
    [{ save_steps: 2 }, /option save_steps: there is no folder of checkpoints. Give output_dir/],
    [{ early_stopping_patience: 1 }, /option early_stopping_patience: .* Give validation/],
    [{ metric_for_best_model: 'mcc' }, /option metric_for_best_model: .* Give validation/],
    [
      { metric_for_best_model: 'f2', validation: 0.2 },
      /option metric_for_best_model: no such metric, expected loss, accuracy/,
    ],
    [{ validation: 1.5 }, /option validation: not a valid value/],
    [{ loss: { temperature: 0 } }, /option temperature: not a valid value/],
    [{ loss: { alpha: 2 } }, /option alpha: not a valid value/],
    [{ loss: [] }, /a sum of no losses/],
    [{ student: undefined }, /option student: missing/],
    [{ train: { text: ['a'], label: [1] } }, /option train: .*They are columns\. Rows of them: train\.text\.map/],
    [{ student: { hidden: 3 } }, /option student, field "hidden": no such field, expected embedding_size, hidden_size/],
    [{ student: { cell: 'elman' } }, /option student, field "cell": not a valid value/],
    [{ student: { dropout: 0.2 } }, /option student, field "dropout": there is one layer, .*head_dropout after it/],
    [{ student: { vocab_size: 10 } }, /option student, field "vocab_size": no such field/],
    [{ labels: ['many'] }, /option labels: not the names of classes/],
    [{ labels: ['one', 'many', 'thing'] }, /option labels: not the teacher's classes in the order of its logits/],
    [{ labels: ['many', 'one'] }, /option labels: not the teacher's classes/],
    [{ splits: { train: '' } }, /option splits, option train/],
    [{ teacher: out('empty') }, /no ONNX model/],
    [{ teacher: {} }, /option teacher: it gives no logits/],
    [{ teacher: undefined, transfer: texts }, /option transfer: unlabelled texts without a teacher/],
    [{ teacher: undefined, transfer: new Set(texts) }, /option transfer: unlabelled texts without a teacher/],
    [{ transfer: 7 }, /option transfer: not a valid value, expected an array of texts, a file that has them, or what/],
    [{ transfer: () => texts }, /option transfer: .*Call it/],
    [
      { heldOut: rows.slice(0, 1) },
      /option heldOut: not a valid value, expected rows by a name, such as \{ test: rows \}/,
    ],
    [{ transfer: Promise.resolve(texts) }, /option transfer: .*await/],
    [{ transfer: new Set() }, /option transfer: it gives no texts\. What gives texts one by one may have been read/],
    [{ train: [], transfer: new Set() }, /option transfer: it gives no texts/],
    [
      { teacher: undefined, cache_dir: out('kept') },
      /option cache_dir: a folder for the logits of a teacher that is not given/,
    ],
    [{ teacher: undefined, splits: { train: 'a' } }, /option splits: names of splits of a teacher that is not given/],
    [{ train: [] }, /option train: there is nothing to learn from/],
    [{ train: { rows, classes: kinds } }, /option train: .*Of a table: train: table\.rows, labels: table\.classes/],
    [{ teacher: { logits: teacher.logits }, tokenizer: undefined }, /option tokenizer: missing/],
  ])('options %j', (change, message) => refused(change, ConfigError, message))

  it('a teacher on the hub that is not in the cache, offline', async () => {
    vi.stubEnv('HF_HUB_OFFLINE', '1')
    await refused({ teacher: 'someone/a-teacher' }, HubError, /someone\/a-teacher/)
    vi.unstubAllEnvs()
  })

  it.each([
    [{ train: [null] }, /option train, row 1: not a row/],
    [{ train: [...rows, { text: '', label: 'one' }] }, /train, row 91, field "text": an empty text/],
    [{ train: [...rows, { text: 7, label: 'one' }] }, /train, row 91, field "text": not a text/],
    [
      { train: [...rows, { text: 'a book' }] },
      /train, row 91, field "label": the row has no such field.*Other rows have it: fill it, or leave such rows out/,
    ],
    [
      { train: rows.map(({ text, label }) => ({ text, lables: label })) },
      /found only text, lables. Rename lables to label/,
    ],
    [{ train: [...rows, { text: 'a book', label: ['one'] }] }, /train, row 91, field "label": not a label.* one class/],
    [{ train: [...rows, { text: 'a book', label: 1 }] }, /labels of several types/],
    [
      { train: [...rows, { text: 'a book', text_pair: 'a key', label: 'one' }] },
      /field "text_pair": a student reads single texts/,
    ],
    [{ validation: [{ text: 'a book', label: 'two' }] }, /validation, row 1, field "label"/],
    [{ heldOut: { dev: [{ text: 'a book', label: 'two' }] } }, /heldOut\.dev, row 1, field "label"/],
    [{ heldOut: { dev: [] } }, /heldOut\.dev: no rows/],
    [{ transfer: ['a book', ''] }, /transfer, row 2, field "text": an empty text/],
    [{ transfer: new Set(['a book', 7]) }, /transfer, row 2, field "text": not a text, expected a string, found 7/],
    [
      { train: rows.map(({ text }) => ({ text, label: 0 })) },
      /train, row 1, field "label": .* expected "many", "one", "thing", found 0/,
    ],
    [
      { teacher: undefined, train: rows.slice(0, 1) },
      /too few classes to tell apart, expected at least two, found "many"/,
    ],
    [
      { teacher: undefined, train: Array.from({ length: 30 }, (_, i) => ({ text: 'a book', label: `id-${i}` })) },
      /train, field "label": nearly every label is a class of its own, .* 30 classes in 30 labels, such as "id-0"/,
    ],
  ])('rows %j', (change, message) => refused(change, DataError, message))

  it('a file that is no safetensors', () =>
    expect(distill({ ...quick, teacher: fileIn(files, 'text.safetensors'), train: rows })).rejects.toThrow(
      /text\.safetensors/,
    ))
})

describe('refuses what a teacher must not give', () => {
  const { teacher } = oracle()
  const broken = (at: number, value: number): Teacher => ({
    ...teacher,
    logits: async (split) => (await teacher.logits(split)).map((z, i) => (i === at ? value : z)),
  })
  it.each([
    [broken(7, Number.NaN), /teacher, split "train", row 3: column 1 .* found NaN/],
    [[teacher, broken(0, Number.POSITIVE_INFINITY)], /teacher 2 of 2, split "train", row 1/],
    [
      { logits: async ({ texts: of }: { texts: readonly string[] }) => new Float32Array(2 * of.length) },
      /teacher_logits does not fit the student, expected rows of 3, found rows of 2\. Name all classes/,
    ],
    [[teacher, { ...teacher, labels: ['many', 'one', 'two'] }], /teachers: they have different classes/],
  ] as const)('%#', async (given, message) => {
    const options = { ...quick, teacher: given as TeacherSource, train: rows }
    await expect(distill(options)).rejects.toThrow(FeedError)
    await expect(distill(options)).rejects.toThrow(message)
  })
})
