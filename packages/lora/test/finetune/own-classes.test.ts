// A column of ids, texts or amounts in place of classes, which fineTune says before it trains a head of thousands.

import { DataError } from '@cola/data'
import { describe, expect, it } from 'vitest'
import { fineTune } from '../../src/index.ts'
import { embeddedFiles } from '../support/embedded-files.ts'

const words = ['girl', 'king', 'boy', 'cat', 'dog']
const text = (i: number) => `the ${words[i % words.length]} laughs`
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
    expect(await told([...clear, ...clear], { validation: 0.5 })).toEqual([])
    expect(await told(['ham', 'spam'])).toEqual([])
  })

  it('names that differ in case, unless the option names both', async () => {
    const labels = [...clear, 'Spam', 'Spam']
    expect(await told(labels)).toEqual([
      expect.stringMatching(/^field "label": classes that differ in case .*"Spam" and "spam".*toLowerCase/),
    ])
    expect(await told(labels.map((label) => [label]))).toEqual([expect.stringMatching(/"Spam" and "spam"/)])
    expect(await told(labels, { labels: ['Spam', 'ham', 'spam'] })).toEqual([])
  })

  it('a class with a single row, with rows for validation or without', async () => {
    const labels = [...clear, 'smap']
    const single = /^field "label": 1 of 3 classes with a single row, such as "smap"; is the name misspelt\?/
    expect(await told(labels)).toEqual([expect.stringMatching(single)])
    const both = [expect.stringMatching(single), expect.stringMatching(/^1 of 3 classes have no validation row/)]
    expect((await told(labels, { validation: 0.5 })).slice(0, 2)).toEqual(both)
  })

  it('types of entities whose names differ in case', async () => {
    const train = ['PER', 'per', 'PER', 'per'].map((type) => ({ words: ['the', 'cat'], tags: ['O', `B-${type}`] }))
    const similar = expect.stringMatching(/^field "tags" or "spans": classes that differ in case .*"PER" and "per"/)
    expect(await told([], { task: 'TOKEN_CLS', train })).toEqual([similar])
    expect(await told([], { task: 'TOKEN_CLS', train, labels: ['O', 'B-PER', 'B-per'] })).toEqual([])
  })
})
