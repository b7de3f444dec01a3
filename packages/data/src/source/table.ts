// Labelled texts from tables of one's own: TSV, CSV and JSONL, any number of classes. The only importer of d3-dsv.

import { DataError } from '../errors.ts'
import type { LabelledText } from './cola.ts'

export interface TableOptions {
  /** Column, or field, of the text. @default 'text' */
  text?: string
  /** Column, or field, of the label: any text or number. @default 'label' */
  label?: string
  /** Classes in order. @default those that occur, sorted */
  classes?: readonly string[]
}

export interface LabelledTable {
  rows: LabelledText[]
  /** Name of each class, by label. */
  classes: string[]
}

type Row = Readonly<Record<string, unknown>>

const parsers: Readonly<Record<string, (content: string, where: string) => Promise<Row[]>>> = {
  tsv: async (content) => (await import('d3-dsv')).tsvParse(content),
  csv: async (content) => (await import('d3-dsv')).csvParse(content),
  jsonl: async (content, where) =>
    content
      .split('\n')
      .map((line, i) => [line, i + 1] as const)
      .filter(([line]) => line.trim() !== '')
      .map(([line, number]) => parseLine(line, `${where}, line ${number}`)),
}

function parseLine(line: string, where: string): Row {
  try {
    return JSON.parse(line) as Row
  } catch (cause) {
    throw new DataError({ where, what: 'not JSON', found: (cause as Error).message }, { cause })
  }
}

/**
 * Parses a table with a header line (TSV, CSV with its quotes) or of JSON objects, one a line.
 * @param format `tsv`, `csv` or `jsonl`.
 * @throws {DataError} naming file and row: an unknown format, a missing column, an empty text, a label that is no class, no rows.
 */
export async function parseTable(
  content: string,
  format: string,
  where = 'table',
  { text = 'text', label = 'label', classes }: TableOptions = {},
): Promise<LabelledTable> {
  const parse = parsers[format]
  if (!parse) throw new DataError({ where, what: 'unknown format', expected: Object.keys(parsers).join(', '), found: format })
  const rows = await parse(content.replace(/^\uFEFF/, ''), where)
  if (rows.length === 0) throw new DataError({ where, what: 'the dataset is empty', expected: 'at least one row', found: '0' })
  const values = rows.map((row, i) => [field(row, text, `${where}, row ${i + 1}`), field(row, label, `${where}, row ${i + 1}`)] as const)
  const names = classes ? [...classes] : [...new Set(values.map(([, name]) => name))].sort((a, b) => Number(a) - Number(b) || (a < b ? -1 : 1))
  return {
    classes: names,
    rows: values.map(([own, name], i) => {
      const index = names.indexOf(name)
      if (index < 0) throw new DataError({ where: `${where}, row ${i + 1}`, what: 'a label that is no class', expected: names.join(', '), found: name })
      return { text: own, label: index }
    }),
  }
}

function field(row: Row, name: string, where: string): string {
  const value = row[name]
  if (value === undefined || value === null || value === '')
    throw new DataError({
      where,
      what: `no "${name}"`,
      expected: `columns with "${name}"`,
      found: Object.keys(row).join(', '),
      fix: 'Name the columns of text and label.',
    })
  return String(value)
}
