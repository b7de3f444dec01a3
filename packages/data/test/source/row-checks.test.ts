import { zipSync } from 'fflate'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { describe, expect, it } from 'vitest'
import { storeOf, temporaryFolders } from '../../../../tools/test-folders.ts'
import {
  parseColaTsv,
  parseColaZip,
  parseGlueParquet,
  readColaFolder,
  type DataError,
  labelledTable,
  namedRows,
  parseRecords,
  parseTable,
  renameFix,
  requireField,
  requireLabel,
  requireString,
  requireText,
  rowPlace,
  withClassNames,
} from '../../src/index.ts'

const folder = temporaryFolders()('cola')

describe('CoLA and GLUE are checked too', () => {
  const bad = Uint8Array.from([...new TextEncoder().encode('a\t1\t\tGood.\na\t1\t\tCaf'), 0xe9, 0x0a])
  const splits = ['in_domain_train', 'in_domain_dev', 'out_of_domain_dev']
  it('blank lines at the end are ignored; others, and NULs, are refused', () => {
    expect(parseColaTsv('a\t1\t\tGood.\r\n\r\n\n')).toHaveLength(1)
    expect(() => parseColaTsv('a\t1\t\tGood.\n\na\t0\t*\tBad.\n', 'x')).toThrow(/^x, line 2: wrong columns/)
    expect(() => parseColaTsv('a\t1\t\tGo\0od.\n', 'x')).toThrow(/^x, line 1: a NUL/)
  })
  it('bytes that are not UTF-8 are refused with their line, in a folder and in a zip', async () => {
    for (const split of splits) storeOf(folder).write(`${split}.tsv`, [bad])
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

describe('fields of rows', () => {
  it('that are empty are refused with what to do, and where they were read', async () => {
    const [, row] = await parseRecords('text,label\n"a\nb",x\n ,y\n', 'csv', 'a.csv')
    expect(() => requireText(row, 'text', rowPlace('train', 1, row))).toThrow(
      'train, row 2 (a.csv, line 4), field "text": an empty text, expected a string that is not blank, found " ". ' +
        'Fill it, or leave such rows out: rows.filter((row) => row.text.trim()).',
    )
    expect(() => requireText({ text: null }, 'text', 'row 1')).toThrow(/found null\. Fill it, or leave such rows out/)
    expect(requireString({ text: '' }, 'text', 'row 1')).toBe('')
    expect(rowPlace('train', 1, { ...row })).toBe('train, row 2')
    expect(() => labelledTable([{ text: 'a', label: 'b' }, row as object], { text: 'label', label: 'text' })).toThrow(
      /^rows, row 2 \(a\.csv, line 4\), column "text": not a class, .*a blank field\. Fill it, or/,
    )
    const table = await parseTable('text,label\na,x\n\nb,y\n', 'csv', 'a.csv')
    expect(rowPlace('train', 1, table.rows[1])).toBe('train, row 2 (a.csv, line 4)')
    const named = namedRows(table, 'train')
    expect(named).toEqual([
      { text: 'a', label: 'x' },
      { text: 'b', label: 'y' },
    ])
    expect(rowPlace('train', 1, named[1])).toBe('train, row 2 (a.csv, line 4)')
    const [, again] = withClassNames(table.rows, table.classes)
    expect(again).toEqual(named[1])
    expect(rowPlace('train', 1, again)).toBe('train, row 2 (a.csv, line 4)')
  })

  it('one that was read from a column that the table has not is told from one that is missing', () => {
    expect(() => requireText({ text: undefined, label: 'a' }, 'text', 'train, row 1')).toThrow(
      /^train, row 1, field "text": the field is undefined, found only label\. .*Object\.keys\(record\) lists the names/,
    )
    expect(() => requireField({ label: 'a' }, 'text', 'train, row 1')).toThrow(
      /no such field, expected a field "text", found only label\. Rename the column that holds it to text/,
    )
  })

  it('one whose name is misspelt is named', () => {
    for (const name of ['lables', 'Label', 'labels', 'lable'])
      expect(() => requireField({ text: 'a', [name]: 'b' }, 'label', 'train, row 1')).toThrow(
        `found only text, ${name}. Rename ${name} to label.`,
      )
    expect(renameFix(['prompt', 'completion'], ['prompt', 'completions'])).toBe('Rename completions to completion.')
    expect(renameFix(['text', 'text_pair'], ['text', 'id'])).toBeUndefined()
    // A name that is right is not the one that was meant.
    expect(renameFix(['sentence1', 'sentence2'], ['sentence1'])).toBeUndefined()
  })
})

describe('a label or text of which nothing shows', () => {
  it('is refused with a condition that leaves it out', () => {
    const refused = (check: () => unknown) => {
      try {
        check()
      } catch (error) {
        return (error as DataError).problem.fix ?? ''
      }
      return ''
    }
    expect(refused(() => requireText({ text: '\u00a0' }, 'text', 'x'))).toContain('row.text.trim()')
    expect(refused(() => requireLabel(' ', 'x'))).toContain('row.label.trim()')
    const fix = refused(() => requireText({ text: '\u200b' }, 'text', 'x'))
    const condition = /filter\(\(row\) => (.*)\)\.$/.exec(fix)?.[1] as string
    const shows = new Function('row', `return ${condition}`) as (row: object) => boolean
    expect([shows({ text: '\u200b\u00ad ' }), shows({ text: 'a\u200b' })]).toEqual([false, true])
    expect(refused(() => requireLabel('\u200b', 'x'))).toContain('row.label)')
  })
})
