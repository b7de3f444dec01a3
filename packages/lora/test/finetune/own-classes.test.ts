// A column of ids, texts or amounts in place of classes, which fineTune says before it trains a head of thousands.

import { DataError, parseRecords, parseTable } from '@cola/data'
import { describe, expect, it } from 'vitest'
import { fineTune } from '../../src/index.ts'
import { classDoubts } from '../../src/tasks/class-doubts.ts'
import { embeddedFiles } from '../support/embedded-files.ts'

const words = ['girl', 'king', 'boy', 'cat', 'dog']
const text = (i: number) => `the ${words[i % words.length]} laughs ${'very '.repeat(i / words.length)}loud`
const rows = <Part>(count: number, part: (i: number) => Part) =>
  Array.from({ length: count }, (_, i) => ({ text: text(i), ...part(i) }))
const embedded = embeddedFiles()
const quick = { epochs: 1, batch_size: 32, device: 'cpu' } as const

const refusal = (options: object) =>
  fineTune(embedded, { ...quick, ...options } as never).catch((error: Error) => error)

describe('nearly every row is a class of its own', () => {
  it.each([
    [
      'numbers',
      { train: rows(60, (i) => ({ label: i * 7 })) },
      /60 classes in 60 labels, such as 0, 7, 14\..*regression/,
    ],
    ['ids', { train: rows(60, (i) => ({ label: `id-${i}` })) }, /such as "id-0".*row\.category/],
    ['ids, with a share for validation', { train: rows(60, (i) => ({ label: `id-${i}` })), validation: 0.2 }, /"id-0"/],
    ['a label of each row among several', { train: rows(60, (i) => ({ label: [`id-${i}`] })) }, /60 classes in 60/],
    [
      'an entity for a type',
      {
        task: 'TOKEN_CLS',
        train: Array.from({ length: 60 }, (_, i) => ({ words: ['the', 'cat'], tags: ['O', `B-cat-${i}`] })),
      },
      /field "tags" or "spans": .* 60 classes in 60 labels, such as "cat-0"/,
    ],
  ])('%s', async (_, options, message) => {
    const error = await refusal(options)
    expect(error).toBeInstanceOf(DataError)
    expect((error as Error).message).toMatch(/nearly every label is a class of its own/)
    expect((error as Error).message).toMatch(message)
  })

  it('is no matter of amounts, which are divided as they come', async () => {
    const options = { train: rows(40, (i) => ({ label: i })), problem_type: 'regression', validation: 0.2 } as const
    const tuned = await fineTune(embedded, { ...quick, ...options })
    expect(tuned.metrics.mse).toBeGreaterThan(0)
    await tuned.release()
  })

  it('is trained where it is meant, with what is doubtful told', async () => {
    const messages: string[] = []
    const train = rows(24, (i) => ({ label: `id-${i}` }))
    const tuned = await fineTune(embedded, {
      ...quick,
      train,
      validation: train.slice(0, 4),
      labels: train.map(({ label }) => label),
      callbacks: { onWarning: ({ message }) => messages.push(message) },
    })
    await tuned.release()
    expect(tuned.labels.length).toBe(24)
    expect(messages).toEqual(expect.arrayContaining([expect.stringMatching(/24 classes in 28 labels; are they/)]))
    expect(messages).toEqual(
      expect.arrayContaining([expect.stringMatching(/^20 of 24 classes have no validation row/)]),
    )
  })
})

describe('classes that may not be meant are told, and trained', () => {
  const told = async (labels: readonly (string | string[])[], options: object = {}) => {
    const messages: string[] = []
    const tuned = await fineTune(embedded, {
      ...quick,
      train: labels.map((label, i) => ({ text: text(i), label })),
      ...options,
      callbacks: { onWarning: ({ message }) => messages.push(message) },
    })
    await tuned.release()
    return messages
  }
  const clear = ['ham', 'spam', 'ham', 'spam']

  it('nothing of clear ones, and of a first try with a row each', async () => {
    expect(await told(clear)).toEqual([])
    const divided = await told([...clear, ...clear], { validation: 0.5 })
    expect(divided.filter((message) => !/Matthews/.test(message))).toEqual([])
    expect(await told(['ham', 'spam'])).toEqual([])
  })

  it('names that differ in case, unless the option names both', async () => {
    const labels = [...clear, 'Spam', 'Spam']
    expect(await told(labels)).toEqual([
      expect.stringMatching(
        /^field "label": classes that differ in case .*"Spam" in train, row 5 and "spam" in train, row 2; .*toLowerCase/,
      ),
    ])
    expect(await told(labels.map((label) => [label]))).toEqual([
      expect.stringMatching(/"Spam" in train, row 5 and "sp/),
    ])
    expect(await told(labels, { labels: ['Spam', 'ham', 'spam'] })).toEqual([])
  })

  it('a class with a single row, with rows for validation or without', async () => {
    const labels = [...clear, 'smap']
    const single =
      /^field "label": 1 of 3 classes with a single row, such as "smap" in train, row 5; is the name misspelt\?/
    expect(await told(labels)).toEqual([expect.stringMatching(single)])
    const both = [expect.stringMatching(single), expect.stringMatching(/^1 of 3 classes have no validation row/)]
    expect((await told(labels, { validation: 0.5 })).slice(0, 2)).toEqual(both)
  })

  it('no class that the option labels names, though it has a single row', async () => {
    const labels = [...clear, 'eggs']
    expect(await told(labels, { labels: ['eggs', 'ham', 'spam'] })).toEqual([])
    const unjudged = await told(labels, { labels: ['eggs', 'ham', 'spam'], validation: 0.5 })
    expect(unjudged[0]).toMatch(/^1 of 3 classes have no validation row, such as "eggs"/)
  })

  it('a row of a file by its line, of a table too', async () => {
    const csv = 'text,label\n"the girl\nlaughs",ham\nthe king laughs,spam\nthe boy laughs,ham\nthe cat sleeps,Spam\n'
    const place = /"Spam" in train, row 4 \(a\.csv, line 6\)/
    for (const train of [await parseRecords(csv, 'csv', 'a.csv'), await parseTable(csv, 'csv', 'a.csv')])
      expect(await told([], { train })).toEqual(Array.from({ length: 2 }, () => expect.stringMatching(place)))
  })

  it('a text with several labels, which trains all the same', async () => {
    const train = [
      { text: 'the cat sleeps', label: 'ham' },
      { text: 'the cat sleeps', label: 'spam' },
      { text: 'the dog sleeps', label: 'ham' },
      { text: 'the dog sleeps', label: 'ham' },
    ]
    const validation = train.map(({ label }, i) => ({ text: i === 2 ? 'the dog sleeps' : text(i), label })).reverse()
    const message =
      'field "label": 1 text has several labels, "the cat sleeps" is "ham" in train, row 1 and "spam" in train, row 2; ' +
      'leave out the rows whose label is wrong'
    expect(await told([], { train: [...train, { text: 'a', label: 'spam' }] })).toEqual([message])
    expect((await told([], { train: [...train, { text: 'a', label: 'spam' }], validation }))[0]).toBe(message)
    const several = (labels: string[][]) => train.slice(0, 2).map(({ text }, i) => ({ text, label: labels[i] }))
    const same = [
      ...several([
        ['ham', 'spam'],
        ['spam', 'ham'],
      ]),
    ]
    expect(await told([], { train: same })).toEqual([])
    expect(await told([], { train: several([['ham', 'spam'], ['spam']]) })).toEqual([
      expect.stringMatching(/with a single row/),
      expect.stringMatching(/"the cat sleeps" is \["ham","spam"\] in train, row 1 and \["spam"\] in train, row 2/),
    ])
    const pairs = train.map((row, i) => ({ ...row, text_pair: text(i) }))
    const classes = { classes: ['ham', 'spam'], named: true }
    expect(classDoubts({ train: pairs, validation: [] }, { train: pairs }, classes)).toEqual([])
    const amounts = train.map(({ text }, i) => ({ text, label: i / 2 }))
    expect(await told([], { train: amounts, problem_type: 'regression' })).toEqual([])
  })

  it('a sentence that is tagged in several ways', async () => {
    const words = ['the', 'cat']
    const train = [
      { words, tags: ['O', 'B-PER'] },
      { words, tags: ['O', 'O'] },
    ]
    expect(await told([], { task: 'TOKEN_CLS', train })).toEqual([
      expect.stringMatching(
        /^field "tags" or "spans": 1 text has several labels, \["the","cat"\] is .* in train, row 2;/,
      ),
    ])
    const spans = [
      { text: 'the cat', spans: [{ start: 4, end: 7, label: 'PER' }] },
      { text: 'the cat', spans: [] },
    ]
    expect(await told([], { task: 'TOKEN_CLS', train: spans })).toEqual([expect.stringMatching(/"the cat" is \[\{/)])
  })

  it('types of entities whose names differ in case', async () => {
    const train = ['PER', 'per', 'PER', 'per'].map((type, i) => ({
      words: ['the', words[i] as string],
      tags: ['O', `B-${type}`],
    }))
    const similar = expect.stringMatching(
      /^field "tags" or "spans": classes that differ in case .*"PER" in train, row 1 and "per" in train, row 2;/,
    )
    expect(await told([], { task: 'TOKEN_CLS', train })).toEqual([similar])
    expect(await told([], { task: 'TOKEN_CLS', train, labels: ['O', 'B-PER', 'B-per'] })).toEqual([])
  })
})

describe('warnings of scores', () => {
  it('have the names of classes', async () => {
    const train = rows(12, (i) => ({ label: i % 2 ? 'ham' : 'spam' }))
    const options = { ...quick, epochs: 4, learning_rate: 0.01, labels: ['ham', 'never', 'spam'] }
    const one = await fineTune(embedded, { ...options, train })
    const { warnings } = await one.evaluate(train.slice(0, 4))
    await one.release()
    // As in scikit-learn, averages are of the classes that occur or are predicted.
    expect(warnings.join()).not.toMatch(/never/)
    const several = await fineTune(embedded, {
      ...options,
      train: train.map(({ text, label }) => ({ text, label: [label] })),
    })
    const found = await several.evaluate([{ text: 'the cat', label: [] }])
    await several.release()
    expect(found.warnings.join()).toMatch(/classes without a label in any row: it counts as 0 for .*"never"/)
  })

  it('name the class that all rows are predicted as', async () => {
    const train = rows(12, (i) => ({ label: i < 11 ? 'ham' : 'spam' }))
    const tuned = await fineTune(embedded, { ...quick, train, epochs: 3, learning_rate: 0.01 })
    const { warnings } = await tuned.evaluate(train)
    await tuned.release()
    expect(warnings[0]).toMatch(/all 12 rows are predicted as class "ham": the classifier has collapsed/)
  })
})
