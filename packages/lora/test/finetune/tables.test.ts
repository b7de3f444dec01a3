// Tables as readTable gives them, in place of rows: labels are indices of their classes. Rows of files are named by
// their lines, and texts to be answered may be empty.

import { DataError, type LabelledTable, memorySink, namedRows, parseRecords, parseTable } from '@cola/data'
import { loadClassifier } from '@cola/train'
import { describe, expect, it } from 'vitest'
import { ConfigError, type FineTuneOptions, fineTune } from '../../src/index.ts'
import { json, parsed } from '../support/decoder-files.ts'
import { embeddedFiles } from '../support/embedded-files.ts'

const embedded = embeddedFiles()
const quick = { epochs: 1, batch_size: 4, device: 'cpu' } as const
const csv = `text,label
the girls laugh,many
the cat sleeps,one
no girl laughs,none
the boys sleep,many
the boy sleeps,one
no boy sleeps,none
`
const table = await parseTable(csv, 'csv', 'a.csv')
const named = namedRows(table)

/** What the model says of texts after a training, and its classes. */
async function trained(options: object) {
  const tuned = await fineTune(embedded, { ...quick, ...options } as FineTuneOptions)
  const logits = await tuned.logits(['the girls sleep', 'no cat laughs'])
  const { labels, metrics } = tuned
  await tuned.release()
  return { labels, metrics, logits }
}

describe('a table of three classes, as datasets’ ClassLabel has them', () => {
  const reference = trained({ train: named, labels: table.classes, validation: named.slice(0, 3) })
  /** The same rows, whose classes stand in another order. */
  const turned: LabelledTable = {
    classes: table.classes.toReversed(),
    rows: table.rows.slice(0, 3).map(({ text, label }) => ({ text, label: 2 - label })),
  }

  it.each<[string, object]>([
    ['in place of rows', { train: table, validation: { ...table, rows: table.rows.slice(0, 3) } }],
    ['with another one of other order for validation', { train: table, validation: turned }],
    ['beside some of its rows for validation', { train: table, validation: table.rows.slice(0, 3) }],
    ['beside rows with names for validation', { train: table, validation: named.slice(0, 3) }],
    ['rows, and its classes as labels', { train: table.rows, labels: table.classes, validation: named.slice(0, 3) }],
  ])('%s trains as its rows with names', async (_, options) => {
    const [found, expected] = [await trained(options), await reference]
    expect(found.labels).toEqual(['many', 'none', 'one'])
    expect(found).toEqual(expected)
  })

  it('keeps a class without rows, and gives a share of each class to validation', async () => {
    const { labels } = await trained({ train: { ...table, classes: [...table.classes, 'other'] } })
    expect(labels).toEqual(['many', 'none', 'one', 'other'])
    expect(Object.keys((await trained({ train: table, validation: 0.5 })).metrics)).toContain('accuracy')
  })

  it('whole numbers of a regression that has a name are numbers', async () => {
    const train = named.map(({ text }, i) => ({ text, label: i }))
    const run = { ...quick, problem_type: 'regression' } as const
    const [tuned, plain] = [
      await fineTune(embedded, { ...run, train, labels: ['girls'] }),
      await fineTune(embedded, { ...run, train }),
    ]
    expect(await tuned.logits(['the boy'])).toEqual(await plain.logits(['the boy']))
    await Promise.all([tuned.release(), plain.release()])
  })

  it('is typed, scores too, and has classes that are numbers', async () => {
    const stars = await parseTable('text,label\ngood,2\nbad,1\ngood,2\nbad,1\n', 'csv')
    const tuned = await fineTune(embedded, { ...quick, train: stars, validation: stars })
    expect(tuned.labels).toEqual(['1', '2'])
    expect(await tuned.evaluate(stars)).toEqual(await tuned.evaluate(namedRows(stars)))
    await expect(tuned.evaluate(stars.rows)).rejects.toThrow(/rows, row 1.*found 1\. .*Indices need a table: \{ rows, /)
    await tuned.release()
    // @ts-expect-error: entities are no classes of texts
    const refused = fineTune(embedded, { ...quick, task: 'TOKEN_CLS', train: stars })
    await expect(refused).rejects.toThrow(ConfigError)
    await expect(refused).rejects.toThrow(
      /^fineTune: a table of texts with classes is for the task SEQ_CLS.*readRecords/,
    )
  })
})

describe('refuses', () => {
  it.each<[object, RegExp]>([
    [{ train: { rows: table.rows } }, /^train, field "classes": not an array, expected an array, found nothing/],
    [{ train: { rows: [], classes: ['a'] } }, /^option train: no rows/],
    [
      { train: { rows: [{ text: 'a' }], classes: ['a', 'b'] } },
      /^train, row 1, field "label": not the index of a class/,
    ],
    [
      { train: { rows: [...table.rows, { text: 'a', label: -1 }], classes: table.classes } },
      /^train, row 7, field "label": not the index of a class, expected .* 0 to 2: "many", "none", "one", found -1\. Leave/,
    ],
    [{ train: { rows: table.rows.map((row) => ({ ...row, label: 0 })), classes: ['a'] } }, /too few classes/],
    [{ train: named, validation: { rows: [{ text: 'a', label: 3 }], classes: ['a'] } }, /^validation, row 1, field "l/],
    [
      { train: table.rows.slice(1), labels: ['many', 'one'] },
      /^train, row 1 \(a\.csv, line 3\), field "label": a label that is none of the classes, .*found 2/,
    ],
    // Names that say otherwise: 1 may be meant as the name of the first class.
    [{ train: table.rows, labels: ['1', '0', '2'] }, /field "label": a number that is the name of a class/],
    [
      { train: named, validation: table.rows },
      /^validation, row 1 \(a\.csv, line 2\), field "label": a label that is no/,
    ],
    [{ train: table.rows, labels: { 0: 'many', 1: 'none' } }, /^fineTune, option labels: not a valid value/],
    [{ train: { text: 'a', label: 'b' } }, /option train: .*expected an array of rows, .*or a table.*with text, label/],
    [
      { train: table, problem_type: 'regression' },
      /^fineTune: a table of texts with classes has no numbers .*Number\(row\.label\)/,
    ],
  ])('%#', async (options, message) => {
    await expect(fineTune(embedded, { ...quick, ...options } as never)).rejects.toThrow(message)
  })
})

it('a column of ids is refused as in rows, and classes that differ in case are told', async () => {
  const rows = Array.from({ length: 30 }, (_, label) => ({ text: 'a', label }))
  const ids = { rows, classes: rows.map(({ label }) => `id-${label}`) }
  await expect(fineTune(embedded, { ...quick, train: ids })).rejects.toThrow(/nearly every label is a class of its own/)
  const messages: string[] = []
  const train = { rows: table.rows, classes: ['many', 'One', 'one'] }
  const callbacks = { onWarning: ({ message }: { message: string }) => messages.push(message) }
  await (await fineTune(embedded, { ...quick, train, callbacks })).release()
  expect(messages).toEqual([expect.stringMatching(/"One" in train, row 3 \(a\.csv, line 4\) and "one" in/)])
})

describe('an empty cell is named by its line', () => {
  const content = 'text,label\n"the girls\nlaugh",many\n\n,one\nthe cat sleeps,one\nthe boys sleep,many\n'
  const blank =
    /^train, row 2 \(a\.csv, line 5\), field "text": an empty text, .*found ""\. Fill it, or leave such rows out: rows\.filter/

  it('of records, divided or not', async () => {
    const train = (await parseRecords(content, 'csv', 'a.csv')) as never
    for (const validation of [undefined, 0.5])
      await expect(fineTune(embedded, { ...quick, train, ...(validation ? { validation } : {}) })).rejects.toThrow(
        blank,
      )
    const label = (await parseRecords('text,label\na,b\nc,\n', 'csv', 'a.csv')) as never
    await expect(fineTune(embedded, { ...quick, train: label })).rejects.toThrow(
      /^train, row 2 \(a\.csv, line 3\), field "label": not a label, .* found ""\. Fill it, or leave such rows out: rows\.filter\(\(row\) => row\.label !== ""\)/,
    )
  })

  it('of a table, where it is read', async () => {
    const message = /a\.csv, line 5, column "text": .*Fill it, or/
    for (const cell of ['', ' '])
      await expect(parseTable(content.replace('\n,one', `\n${cell},one`), 'csv', 'a.csv')).rejects.toThrow(message)
  })

  it('and its row is that of the rows that were given, where a share of them is for validation', async () => {
    const train = Array.from({ length: 12 }, (_, i) => ({ text: i === 7 ? '' : 'a', label: i % 2 ? 'b' : 'a' }))
    await expect(fineTune(embedded, { ...quick, train, validation: 0.4 })).rejects.toThrow(
      /^train, row 8, field "text"/,
    )
    const validation = [...named.slice(1), { text: ' ', label: 'one' }]
    const error = fineTune(embedded, { ...quick, train: named, validation })
    await expect(error).rejects.toThrow(DataError)
    await expect(error).rejects.toThrow(/^validation, row 6, field "text": an empty text/)
  })
})

describe('a text to be answered', () => {
  const bare = json({ ...parsed(embedded['tokenizer.json'] as Uint8Array), post_processor: null })
  it.each([
    ['with special tokens around it', embedded],
    ['without', { ...embedded, 'tokenizer.json': bare }],
  ])('may be empty, %s, as for the classifier that it is exported to', async (_, files) => {
    const tuned = await fineTune(files, { ...quick, train: table })
    const texts = ['the girls sleep', '', ' ']
    const logits = await tuned.logits(texts)
    expect((await tuned.classify(texts)).length).toBe(3)
    expect((await tuned.hiddenStates(texts)).length).toBe(3)
    await expect(tuned.classify(['a', null as never])).rejects.toThrow(/^texts, row 2, field "text": not a text/)
    const sink = memorySink()
    await tuned.export(sink)
    await tuned.release()
    const classifier = await loadClassifier(Object.fromEntries(sink.written))
    expect(await classifier.logits(texts)).toBeAllclose(logits, { atol: 1e-5 })
    await classifier.release()
  })
})
