import { readFileSync } from 'node:fs'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { describe, expect, it } from 'vitest'
import { DataError, parseRecords, parseTable, readRecords, readTable } from '../../src/index.ts'

const fixture = (name: string) => new URL(`../fixtures/${name}`, import.meta.url)
const bytesOf = (name: string) => new Uint8Array(readFileSync(fixture(name)))
const rows = JSON.parse(readFileSync(fixture('rows.json'), 'utf8')) as Record<string, unknown>[]

describe('a table in Parquet', () => {
  it('has the rows that pyarrow reads, from a path, bytes or a file that was picked', async () => {
    expect(await readRecords(fixture('rows.parquet'))).toEqual(rows)
    expect(await readRecords(bytesOf('rows.parquet'), { format: 'parquet' })).toEqual(rows)
    expect(await readRecords(new File([bytesOf('rows.parquet')], 't.parquet'))).toEqual(rows)
  })
  it('has the columns that are named, nested ones too', async () => {
    const columns = ['messages', 'label'] as const
    expect(await parseRecords(bytesOf('rows.parquet'), 'parquet', 'x', { columns })).toEqual(
      rows.map(({ messages, label }) => ({ messages, label })),
    )
    await expect(parseRecords(bytesOf('rows.parquet'), 'parquet', 'x', { columns: ['txt'] })).rejects.toThrow(
      /^x: no column "txt", .*found "text", "label", .*Did you mean text\?/,
    )
  })
  it('gives texts and classes, and names the row of what is none', async () => {
    const file = new Uint8Array(
      parquetWriteBuffer({
        columnData: [
          { name: 'sentence', data: ['a', 'b', 'c'], type: 'STRING' },
          { name: 'label', data: [1n, 0n, 1n], type: 'INT64' },
        ],
      }),
    )
    expect(await readTable(file, { format: 'parquet', text: 'sentence' })).toEqual({
      classes: ['0', '1'],
      rows: [
        { text: 'a', label: 1 },
        { text: 'b', label: 0 },
        { text: 'c', label: 1 },
      ],
    })
    await expect(parseTable(bytesOf('rows.parquet'), 'parquet', 'x')).rejects.toThrow(/^x, row 2, column "text"/)
  })
  it.each([
    [bytesOf('zstd.parquet'), /^x: compressed in .*found ZSTD\. Write it again: df\.to_parquet\(path, compression='sn/],
    [new TextEncoder().encode('text,label\na,b\n'), /^x: not a Parquet file/],
    [bytesOf('rows.parquet').subarray(0, 400), /^x: not a Parquet file/],
    ['text', /^x: Parquet is no text, expected bytes/],
  ])('is refused where it cannot be read', async (content, message) => {
    await expect(parseRecords(content, 'parquet', 'x')).rejects.toThrow(DataError)
    await expect(parseRecords(content, 'parquet', 'x')).rejects.toThrow(message)
  })
})

describe('a text file', () => {
  it('is a row a line, as in datasets', async () => {
    const content = 'One, "two"\r\n\r\n  three\nfour\n'
    const lines = ['One, "two"', '', '  three', 'four'].map((text) => ({ text }))
    expect(await parseRecords(content, 'txt')).toEqual(lines)
    expect(await readRecords(new File([content], 'a.txt'))).toEqual(lines)
    await expect(parseTable(content, 'txt', 'x')).rejects.toThrow(/^x: no column "label", expected text, a row a line/)
  })
})

it.each([
  ['a.xlsx', 'Save the spreadsheet as CSV.'],
  ['a.arrow', 'Write it as Parquet: dataset.to_parquet(path)'],
  ['a.csv.gz', 'Unpack it, and read the file that is in it.'],
  ['a.zip', 'Unpack it, and read the file that is in it.'],
])('%s is told what to do', async (name, fix) => {
  await expect(readRecords(new File(['a'], name))).rejects.toThrow(fix)
})
