import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { DataError, parseRecords, parseTable, readRecords } from '../../src/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'cola-tables-'))
afterAll(() => rmSync(folder, { recursive: true }))

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
    ['a;b\n1,2;3\n', 'csv', /^x, line 2: a row with too many cells.* Is the delimiter ";"\? Set it as delimiter/],
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
