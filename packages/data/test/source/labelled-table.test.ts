import { ConfigError } from '@cola/graph/errors'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  classIndex,
  DataError,
  labelledTable,
  parseRecords,
  parseTable,
  type Quoting,
  type TableOptions,
} from '../../src/index.ts'
import { warnings } from '../support/tables.ts'

type Pair = [text: string, label: string]

interface Fixture {
  separated: { format: string; delimiter: string; quoting: Quoting; content: string; rows: Pair[] }[]
  auto: { content: string; rows: Pair[] }[]
  objects: { format: string; content: string; rows: Pair[] }[]
  numeric: { labels: string[]; classes: number[] }[]
}

const fixture = JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/tables.json'), 'utf8')) as Fixture

async function pairs(content: string, format: string, options: TableOptions = {}): Promise<Pair[]> {
  const { rows, classes } = await parseTable(content, format, 'x', options)
  return rows.map(({ text, label }) => [text, classes[label] as string])
}

describe('tables, like pandas and datasets read them', () => {
  it.each(
    fixture.separated.map(
      (one, i) => [`${i}: ${one.format}, ${one.quoting}, ${JSON.stringify(one.delimiter)}`, one] as const,
    ),
  )('%s', async (_, { format, delimiter, quoting, content, rows }) => {
    if (rows.some(([text]) => text.trim() === '')) {
      // pandas keeps a blank text, which no model learns from.
      await expect(pairs(content, format, { delimiter, quoting })).rejects.toThrow('a blank field')
      const records = await parseRecords(content, format, 'x', { delimiter, quoting })
      expect(records.map(({ text, label }) => [text, label])).toEqual(rows)
      return
    }
    expect(await pairs(content, format, { delimiter, quoting })).toEqual(rows)
    // The defaults of a format are those of its writers.
    if (format === 'csv' && delimiter === ',' && quoting === 'minimal')
      expect(await pairs(content, format)).toEqual(rows)
  })
  it.each(fixture.auto.map((one, i) => [i, one] as const))(
    'a TSV without a word about its quotes, %i',
    async (_, { content, rows }) => {
      expect(await pairs(content, 'tsv')).toEqual(rows)
    },
  )
  it.each(fixture.objects.map((one, i) => [i, one] as const))('JSON, %i', async (_, { format, content, rows }) => {
    expect(await pairs(content, format)).toEqual(rows)
  })
  it.each(fixture.numeric.map(({ labels, classes }) => [labels.join(' '), labels, classes] as const))(
    'labels %s',
    async (_, labels, classes) => {
      const table = await parseTable(['text,label', ...labels.map((label) => `a,${label}`)].join('\n'), 'csv')
      expect(table.classes.map(Number)).toEqual(classes)
      expect(table.rows.map(({ label }) => Number(table.classes[label]))).toEqual(labels.map(Number))
    },
  )
})

describe('tables', () => {
  it('skips blank lines, counts CR newlines, and trims header names and labels', async () => {
    expect(await pairs('text, label \ra,x\r\r  \r b ,y \r', 'csv')).toEqual([
      ['a', 'x'],
      [' b ', 'y'],
    ])
  })
  it('merges labels that differ in spaces or decimals, with a warning', async () => {
    expect(await pairs('text,label\na,pos\nb,pos \nc,1.0\nd,1\ne,1.0\n', 'csv')).toEqual([
      ['a', 'pos'],
      ['b', 'pos'],
      ['c', '1'],
      ['d', '1'],
      ['e', '1'],
    ])
    expect(await warnings('text,label\na,pos\nb,pos \nc,1.0\nd,1\ne,1.0\n', 'csv')).toEqual([
      'labels taken as class "pos": "pos" (line 2), "pos " (line 3)',
      'labels taken as class "1": "1.0" (line 4), "1" (line 5)',
    ])
    expect(await pairs('text,label\na,2.0\nb,007\nc,7\n', 'csv')).toEqual([
      ['a', '2.0'],
      ['b', '007'],
      ['c', '7'],
    ])
    expect(await warnings('text,label\na,pos\nb,neg\n', 'csv')).toEqual([])
    expect(await warnings('text,label\na,pos\nb,Pos\nc,neg\n', 'csv')).toEqual([
      expect.stringMatching(
        /^.*, column "label": classes that differ in case .*"Pos" in line 3 and "pos" in line 2;.* the option classes$/,
      ),
    ])
    expect(await pairs('text,label\na,caf\u00e9\nb,cafe\u0301\n', 'csv')).toEqual([
      ['a', 'caf\u00e9'],
      ['b', 'caf\u00e9'],
    ])
  })
  it('warns few times of many labels', () => {
    const told: string[] = []
    const rows = Array.from({ length: 400 }, (_, i) => ({ text: 'a', label: `${i % 2 ? 'C' : 'c'}${i >> 1}` }))
    const onWarning = (message: string) => told.push(message)
    labelledTable(rows, { onWarning })
    expect(told).toEqual([
      expect.stringMatching(/: 200 groups of .* alone, "C0" in row 2 and "c0" in row 1; .*; if they/),
    ])
    told.length = 0
    labelledTable([...rows, ...rows.map(({ text, label }) => ({ text, label: `${label} ` }))], { onWarning })
    expect(told).toEqual([
      'labels taken as class "c0": "c0" (row 1), "c0 " (row 401)',
      'labels taken as class "C0": "C0" (row 2), "C0 " (row 402)',
      'labels taken as class "c1": "c1" (row 3), "c1 " (row 403)',
      'labels in several spellings are taken as one in 397 more classes',
      expect.stringContaining('200 groups'),
    ])
  })
  it('takes classes in the order of the option, and labels of any scalar type', async () => {
    const options = { classes: ['true', '3', 'no'] }
    const { rows, classes } = await parseTable(
      '{"text":"a","label":3}\n{"text":5,"label":true}\n{"text":"c","label":"no"}',
      'jsonl',
      'x',
      options,
    )
    expect([rows.map(({ label }) => label), classes]).toEqual([[1, 0, 2], options.classes])
    expect(rows[1]?.text).toBe('5')
  })
  it('takes objects in memory', () => {
    expect(
      labelledTable(
        [
          { sentence: 'a', intent: 'track' },
          { sentence: 'b', intent: false },
        ],
        { text: 'sentence', label: 'intent' },
      ),
    ).toEqual({
      classes: ['false', 'track'],
      rows: [
        { text: 'a', label: 1 },
        { text: 'b', label: 0 },
      ],
    })
  })
  it('warns of quotes that it does not remove', async () => {
    expect(await warnings('text\tlabel\n"Quoted."\tx\n"Not quoted\ty\n', 'tsv')).toEqual([
      'x, line 3: a quote that does not enclose its cell, so quotes are text in all cells; ' +
        "quoting: 'minimal' or 'none' says it for certain",
    ])
  })
  it('reads 100,000 classes in 200,000 rows', async () => {
    const lines = Array.from({ length: 200_000 }, (_, i) => `text ${i},c${i % 100_000}`)
    const { rows, classes } = await parseTable(`text,label\n${lines.join('\n')}`, 'csv')
    expect([rows.length, classes.length]).toEqual([200_000, 100_000])
  })

  it.each<[what: string, content: string, format: string, message: RegExp, options?: TableOptions]>([
    [
      'a quote never closed',
      'text,label\na,x\n"b,y\nc,x\n',
      'csv',
      /^x, line 3: a quote that is never closed.*quoting: 'none'/,
    ],
    [
      'text after a quote',
      'text,label\n"a" b,x\n',
      'csv',
      /^x, line 2: text after a closing quote.*found "\\"a\\" b,x/,
    ],
    [
      'too many cells after quoted newlines',
      'text,label\n"a\nb\r\nc",x\nd,e,y\n',
      'csv',
      /^x, line 5: a row with too many cells, expected 2 \(text, label\), found 3/,
    ],
    ['too few cells', 'text,label\na\n', 'csv', /^x, line 2: a row with too few cells, expected 2.*found 1/],
    [
      'an empty text',
      'text,label\na,x\n\n,y\n',
      'csv',
      /^x, line 4, column "text": not text, expected text, found an empty field/,
    ],
    ['a label of spaces', 'text,label\na, \n', 'csv', /^x, line 2, column "label": not a class.*found a blank field/],
    ['a label without width', 'text,label\na,\u200b\n', 'csv', /^x, line 2, column "label": .*found a blank field/],
    ['a text without width', 'text,label\n\u2060\u00ad,a\n', 'csv', /^x, line 2, column "text": .*found a blank field/],
    ['an empty label', 'text,label\na,\n', 'csv', /^x, line 2, column "label": not a class.*found an empty field/],
    [
      'a missing column',
      '\ntext,label\na,x\n',
      'csv',
      /^x, line 2: no column "sentence".*found "text", "label"/,
      { text: 'sentence' },
    ],
    ['another delimiter', 'text;label\na;x\n', 'csv', /^x, header: a single column.*Is the delimiter ";"/],
    ['two columns of a name', 'label,text,label\na,b,c\n', 'csv', /^x, line 1: two columns named "label"/],
    ['only a header', 'text,label\n\n', 'csv', /^x: the dataset is empty/],
    ['nothing', '', 'tsv', /^x: the dataset is empty/],
    [
      'an unknown format',
      'a',
      'xlsx',
      /^x: unknown format, expected csv, tsv, tab, jsonl, ndjson, json, conll, conllu, txt, parquet, found xlsx/,
    ],
    ['a property of objects as format', 'a', 'constructor', /unknown format/],
    ['a NUL', 'text,label\na,x\nb\0,y', 'csv', /^x, line 3: a NUL character.*utf-16le/],
    [
      'a label that is no class',
      'text,label\na,x\nb,z',
      'csv',
      /^x, line 3, column "label": a label that is no class, expected x, y, found "z"/,
      { classes: ['x', 'y'] },
    ],
    [
      'a class named twice',
      'text,label\na,x',
      'csv',
      /option classes: a class is named twice/,
      { classes: ['x', 'x '] },
    ],
    [
      'an object as text',
      '{"text":"a","label":0}\n{"text":{"en":"b"},"label":1}',
      'jsonl',
      /^x, line 2, column "text": not text.*found an object/,
    ],
    [
      'a list of labels',
      '{"text":"a","label":["x","y"]}',
      'jsonl',
      /^x, line 1, column "label": not a class.*found a list/,
    ],
    [
      'a label that is null',
      '\n{"text":"a","label":null}',
      'jsonl',
      /^x, line 2, column "label": not a class.*found null/,
    ],
    [
      'a field that is missing',
      '{"text":"a","label":1}\n{"text":"a"}',
      'jsonl',
      /^x, line 2: no field "label".*found "text"/,
    ],
    ['null', '{"text":"a","label":1}\nnull', 'jsonl', /^x, line 2: no object.*found null/],
    [
      'an array in JSONL',
      '\n[\n{"text":"a","label":0}\n]\n',
      'jsonl',
      /^x, line 2: a JSON array, expected one object a line.*format 'json'/,
    ],
    ['half a line', '{"text":"a","label":1}\n{"text":', 'jsonl', /^x, line 2: not JSON/],
    ['an array of lists', '[["a", 1]]', 'json', /^x, row 1: no object.*found \["a",1\]/],
    [
      'a JSON array with a bad row',
      '[{"text":"a","label":0},{"text":[],"label":0}]',
      'json',
      /^x, row 2, column "text": not text.*found a list/,
    ],
    ['half an array', '[{"text":"a","label":0},', 'json', /^x: not JSON/],
  ])('refuses %s', async (_, content, format, message, options) => {
    const parsed = parseTable(content, format, 'x', options)
    await expect(parsed).rejects.toThrow(DataError)
    await expect(parsed).rejects.toThrow(message)
  })

  it('takes 200,000 classes without a search of all for each row', () => {
    const labels = Array.from({ length: 200_000 }, (_, i) => `class ${i}`)
    const start = performance.now()
    const table = labelledTable(
      labels.map((label) => ({ text: 'a', label })),
      { classes: labels },
    )
    expect(table.rows.at(-1)?.label).toBe(199_999)
    expect(labels.map((label) => classIndex(labels, label, 'row', 'fix')).at(-1)).toBe(199_999)
    expect(performance.now() - start).toBeLessThan(20_000)
  })

  it.each([null, [null], [5], []])('refuses %j in place of rows', (rows) => {
    expect(() => labelledTable(rows as never)).toThrow(DataError)
  })

  it('refuses options that are none, unknown, or out of their range', async () => {
    const rows = [{ text: 'a', label: 'b' }]
    expect(() => labelledTable(rows, null as never)).toThrow(ConfigError)
    expect(() => labelledTable(rows, { lable: 'b' } as never)).toThrow(
      /option lable: no such option\. Did you mean label\?/,
    )
    for (const [options, message] of [
      [{ txt: 'a' }, /option txt/],
      [{ quoting: 'all' }, /option quoting: not a valid value, expected "minimal", "none", "auto", found "all"/],
      [{ delimiter: '||' }, /option delimiter: not a valid value, expected one character/],
      [{ classes: [0, 1] }, /option classes: not a valid value, expected an array of strings.*found \[0, 1\]/],
      [{ text: 0 }, /option text: not a valid value, expected a column's name/],
    ] as const) {
      const parsed = parseTable('text,label\na,x', 'csv', 'x', options as never)
      await expect(parsed).rejects.toThrow(ConfigError)
      await expect(parsed).rejects.toThrow(message)
    }
    await expect(parseTable(null as never, 'csv')).rejects.toThrow(/not the content of a table/)
  })
})
