// Tables as other people have them, against what pandas and `datasets` read (fixtures/make-tables.py).

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { zipSync } from 'fflate'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { afterAll, describe, expect, it } from 'vitest'
import {
  DataError,
  decodeText,
  labelledTable,
  parseColaTsv,
  parseColaZip,
  parseGlueParquet,
  parseRecords,
  parseTable,
  type Quoting,
  readColaFolder,
  readRecords,
  readTable,
  type TableOptions,
} from '../src/index.ts'

type Pair = [text: string, label: string]
interface Fixture {
  separated: { format: string; delimiter: string; quoting: Quoting; content: string; rows: Pair[] }[]
  auto: { content: string; rows: Pair[] }[]
  objects: { format: string; content: string; rows: Pair[] }[]
  numeric: { labels: string[]; classes: number[] }[]
}

const fixture = JSON.parse(readFileSync(join(import.meta.dirname, 'fixtures/tables.json'), 'utf8')) as Fixture
const folder = mkdtempSync(join(tmpdir(), 'cola-tables-'))
afterAll(() => rmSync(folder, { recursive: true }))

async function pairs(content: string, format: string, options: TableOptions = {}): Promise<Pair[]> {
  const { rows, classes } = await parseTable(content, format, 'x', options)
  return rows.map(({ text, label }) => [text, classes[label] as string])
}

/** What was warned of while a table was read. */
async function warnings(content: string | Uint8Array, format: string): Promise<string[]> {
  const messages: string[] = []
  await parseTable(content, format, 'x', { onWarning: (message) => messages.push(message) })
  return messages
}

describe('tables, like pandas and datasets read them', () => {
  it.each(
    fixture.separated.map(
      (one, i) => [`${i}: ${one.format}, ${one.quoting}, ${JSON.stringify(one.delimiter)}`, one] as const,
    ),
  )('%s', async (_, { format, delimiter, quoting, content, rows }) => {
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
    ['a label of spaces', 'text,label\na, \n', 'csv', /^x, line 2, column "label": not a class.*found an empty field/],
    ['an empty label', 'text,label\na,\n', 'csv', /^x, line 2, column "label": not a class.*found an empty field/],
    [
      'a missing column',
      '\ntext,label\na,x\n',
      'csv',
      /^x, line 2: no column "sentence".*found "text", "label"/,
      { text: 'sentence' },
    ],
    ['another delimiter', 'text;label\na;x\n', 'csv', /^x, line 1: no column "text".*Is the delimiter ";"/],
    ['two columns of a name', 'label,text,label\na,b,c\n', 'csv', /^x, line 1: two columns named "label"/],
    ['only a header', 'text,label\n\n', 'csv', /^x: the dataset is empty/],
    ['nothing', '', 'tsv', /^x: the dataset is empty/],
    ['an unknown format', 'a', 'xlsx', /^x: unknown format, expected csv, tsv, tab, jsonl, ndjson, json, found xlsx/],
    ['a property of objects as format', 'a', 'constructor', /unknown format/],
    [
      'an unknown quoting',
      'text,label\na,x',
      'csv',
      /option quoting: unknown, expected minimal, none, auto/,
      { quoting: 'all' as 'none' },
    ],
    ['a long delimiter', 'text,label\na,x', 'csv', /option delimiter/, { delimiter: '||' }],
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
      'classes that are no names',
      'text,label\na,0\nb,1',
      'csv',
      /^option classes: not a valid value, expected an array of strings that are not empty, found \[0,1\]/,
      { classes: [0, 1] as never },
    ],
    ['a column that is no name', 'text,label\na,x', 'csv', /^option text: not a valid value/, { text: 0 as never }],
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
      /^x, line 2: no column "label".*found "text"/,
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
})

describe('encodings', () => {
  const latin = Uint8Array.from(Buffer.from('text,label\ncaf\xe9 \x93oui\x94 5\x80,x\n', 'latin1'))
  const utf16 = (text: string) => new Uint8Array(Buffer.from(text, 'utf16le'))
  const swapped = (bytes: Uint8Array) => bytes.map((_, i) => bytes[i ^ 1] as number)

  it('refuses bytes that are not UTF-8, with their line, and reads them by name', async () => {
    await expect(parseTable(latin, 'csv', 'x.csv')).rejects.toThrow(
      /^x\.csv, line 2: not utf-8, expected text in utf-8, found byte 0xe9\..*windows-1252/,
    )
    for (const encoding of ['windows-1252', 'cp1252', 'latin-1'])
      expect((await parseTable(latin, 'csv', 'x', { encoding })).rows).toEqual([{ text: 'café “oui” 5€', label: 0 }])
    await expect(parseTable(latin, 'csv', 'x', { encoding: 'ebcdic' })).rejects.toThrow(
      /option encoding: unknown encoding.*found ebcdic/,
    )
  })
  it('agrees with Python on every byte of windows-1252 that it has', () => {
    const bytes = Uint8Array.from({ length: 255 }, (_, i) => i + 1)
    // bytes(range(0x80, 0xa0)).decode('cp1252', 'replace'), whose five holes are controls in the Encoding Standard.
    expect(decodeText(bytes, { encoding: 'windows-1252' }).slice(0x7f, 0x9f)).toBe(
      '\u20ac\x81\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\x8d\u017d\x8f' +
        '\x90\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\x9d\u017e\u0178',
    )
    expect(decodeText(bytes.slice(0xa0), { encoding: 'windows-1252' })).toBe(
      Buffer.from(bytes.slice(0xa0)).toString('latin1'),
    )
  })
  it('reads UTF-16 by its mark or by name, and explains NULs', () => {
    const text = 'text,label\né🙂,x\n'
    expect(decodeText(utf16(`\uFEFF${text}`))).toBe(text)
    expect(decodeText(swapped(utf16(`\uFEFF${text}`)))).toBe(text)
    expect(decodeText(utf16(text), { encoding: 'utf-16le' })).toBe(text)
    expect(decodeText(swapped(utf16(text)), { encoding: 'utf-16be' })).toBe(text)
    expect(() => decodeText(utf16('text,label\na,x\n'), { where: 'x.csv' })).toThrow(/^x\.csv, line 1: a NUL character/)
    expect(() => decodeText(utf16('a\nb\ud83d,x'), { encoding: 'utf-16le', where: 'x' })).toThrow(
      /^x, line 2: not utf-16le/,
    )
  })
  it('finds the line of an invalid byte anywhere', () => {
    for (const [lines, tail] of [
      [0, [0xc3]],
      [3, [0xff, 0x41]],
      [700, [0xe2, 0x28, 0xa1]],
      [1, [0xed, 0xa0, 0x80]],
    ] as const) {
      const bytes = Uint8Array.from([...new TextEncoder().encode('é日\r\n'.repeat(lines)), 0x41, ...tail])
      expect(() => decodeText(bytes, { where: 'x' })).toThrow(new RegExp(`^x, line ${lines + 1}: not utf-8`))
    }
    expect(() => decodeText(Uint8Array.of(0x41, 0xc3), { where: 'x' })).toThrow(/found byte 0xc3/)
  })
  it('warns of text that was decoded with a wrong encoding before', async () => {
    expect(await warnings(new TextDecoder().decode(latin), 'csv')).toEqual([
      expect.stringMatching(/^x, line 2: U\+FFFD/),
    ])
  })
  it('reads files by their extension, and refuses them by their name', async () => {
    const [mac, none] = [join(folder, 'a.TSV'), join(folder, 'b.csv')]
    writeFileSync(
      mac,
      latin.map((byte) => (byte === 0x2c ? 9 : byte)),
    )
    expect((await readTable(mac, { encoding: 'windows-1252' })).rows).toHaveLength(1)
    await expect(readTable(mac)).rejects.toThrow(/a\.TSV, line 2: not utf-8/)
    await expect(readTable(none)).rejects.toThrow(/b\.csv: no such file/)
    writeFileSync(join(folder, 'c.txt'), 'text,label\na,x\n')
    await expect(readTable(join(folder, 'c.txt'))).rejects.toThrow(/c\.txt: unknown format.*found txt/)
    expect((await readTable(join(folder, 'c.txt'), { format: 'csv' })).classes).toEqual(['x'])
  })
})

describe('CoLA and GLUE are checked too', () => {
  const bad = Uint8Array.from([...new TextEncoder().encode('a\t1\t\tGood.\na\t1\t\tCaf'), 0xe9, 0x0a])
  const splits = ['in_domain_train', 'in_domain_dev', 'out_of_domain_dev']
  it('blank lines at the end are ignored; others, and NULs, are refused', () => {
    expect(parseColaTsv('a\t1\t\tGood.\r\n\r\n\n')).toHaveLength(1)
    expect(() => parseColaTsv('a\t1\t\tGood.\n\na\t0\t*\tBad.\n', 'x')).toThrow(/^x, line 2: wrong columns/)
    expect(() => parseColaTsv('a\t1\t\tGo\0od.\n', 'x')).toThrow(/^x, line 1: a NUL/)
  })
  it('bytes that are not UTF-8 are refused with their line, in a folder and in a zip', async () => {
    for (const split of splits) writeFileSync(join(folder, `${split}.tsv`), bad)
    await expect(readColaFolder(folder)).rejects.toThrow(/\.tsv, line 2: not utf-8/)
    const zip = zipSync(Object.fromEntries(splits.map((split) => [`cola_public/raw/${split}.tsv`, bad])))
    await expect(parseColaZip(zip)).rejects.toThrow(/cola_public\/raw\/\w+\.tsv, line 2: not utf-8/)
  })
  it.each<[label: unknown]>([[null], [-1]])('a parquet label of %s is refused', async (label) => {
    const bytes = parquetWriteBuffer({
      columnData: [
        { name: 'sentence', data: ['A sentence.', 'Another.'], type: 'STRING' },
        { name: 'label', data: [1, label], type: 'INT32', nullable: true },
      ],
    })
    await expect(parseGlueParquet(new Uint8Array(bytes), 'x')).rejects.toThrow(/^x, row 2: wrong row/)
  })
})

describe('rows with all their columns', () => {
  const csv = 'Nr.; Kundentext ;Note\n1;"Gut; und ""billig""";4,5\n\n2; Nie wieder. ;1\n'
  const rows = [
    { 'Nr.': '1', Kundentext: 'Gut; und "billig"', Note: '4,5' },
    { 'Nr.': '2', Kundentext: ' Nie wieder. ', Note: '1' },
  ]
  it('of a file with other delimiters and names', async () => {
    const path = join(folder, 'Anfragen.CSV')
    writeFileSync(path, `\uFEFF${csv}`)
    expect(await readRecords(path, { delimiter: ';' })).toEqual(rows)
    writeFileSync(join(folder, 'anfragen.txt'), csv)
    expect(await readRecords(join(folder, 'anfragen.txt'), { delimiter: ';', format: 'csv' })).toEqual(rows)
  })
  it('of JSON, whatever the values are', async () => {
    const values = [
      { words: ['a', 'b'], tags: ['O', 'B-X'] },
      { text: 'c', spans: [], score: 0.5 },
    ]
    expect(await parseRecords(JSON.stringify(values), 'json')).toEqual(values)
    expect(await parseRecords(values.map((row) => JSON.stringify(row)).join('\n'), 'jsonl')).toEqual(values)
  })
  it.each([
    ['a,b,a\n1,2,3\n', 'csv', /^x, line 1: two columns named "a"/],
    ['a,b\n1,2,3\n', 'csv', /^x, line 2: a row with too many cells/],
    ['a,b\n', 'csv', /^x: no rows/],
    ['', 'csv', /^x: no rows/],
    ['[1]', 'json', /^x, row 1/],
    ['a', 'xlsx', /^x: unknown format/],
  ])('refuses %j as %s', async (content, format, message) => {
    await expect(parseRecords(content, format, 'x')).rejects.toThrow(DataError)
    await expect(parseRecords(content, format, 'x')).rejects.toThrow(message)
  })
  it('two columns of one name are no matter to a table of labels that asks for others', async () => {
    const { rows: labelled } = await parseTable('text,label,n,n\nfine,1,2,3\n', 'csv')
    expect(labelled).toEqual([{ text: 'fine', label: 0 }])
  })
})
