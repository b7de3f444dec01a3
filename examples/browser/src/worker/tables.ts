// Tables as people have them: which format, which columns hold texts and labels.

import { DataError, labelledTable, parseRecords } from '@cola/data'
import type { Calls, ReadTable } from '../messages.ts'

const textNames = [
  'text',
  'sentence',
  'message',
  'utterance',
  'question',
  'review',
  'content',
  'body',
  'title',
  'input',
]
const labelNames = [
  'label',
  'class',
  'category',
  'intent',
  'target',
  'sentiment',
  'tag',
  'topic',
  'answer',
  'output',
  'y',
]

/** Reads a table; columns that are not named are found by their names, then by what is in them. */
export async function readTable({ content, name, textColumn, labelColumn }: Calls['table']['ask']): Promise<ReadTable> {
  const text = typeof content === 'string' ? content : new Uint8Array(await content.arrayBuffer())
  const sample = typeof text === 'string' ? text : new TextDecoder().decode(text.subarray(0, 4096))
  const warnings: string[] = []
  const onWarning = (message: string) => warnings.push(`${message}.`)
  const { format, ...options } = formatOf(name, sample)
  const records = await parseRecords<Readonly<Record<string, unknown>>>(text, format, name, { ...options, onWarning })
  const columns = [...new Set(records.flatMap((record) => Object.keys(record)))]
  if (columns.length < 2)
    throw new DataError({
      where: name,
      what: 'a table without labels: it has a single column',
      expected: 'a column of texts and a column of the answers that they should get',
      found: columns.map((column) => JSON.stringify(column)).join(', '),
      fix: 'Add a column of labels, with a header in the first line; or type examples under headings.',
    })
  const chosen = { label: labelColumn ?? labelOf(columns, records, textColumn), text: '' }
  chosen.text =
    textColumn ??
    textOf(
      columns.filter((column) => column !== chosen.label),
      records,
    )
  // Rows without a text or a label are left out, and counted: people's tables have them.
  const filled = records.filter((record) => [chosen.text, chosen.label].every((column) => isFilled(record[column])))
  const left = records.length - filled.length
  if (left > 0) warnings.push(`${left} without text or label ${left === 1 ? 'is' : 'are'} left out.`)
  const { rows, classes } = labelledTable(filled, { ...chosen, onWarning }, name)
  if (classes.length > 2 && classes.length > rows.length / 2)
    warnings.push(
      `"${chosen.label}" has ${classes.length} different labels in ${rows.length} rows: is it the column of labels?`,
    )
  return {
    columns,
    textColumn: chosen.text,
    labelColumn: chosen.label,
    rows: rows.map((row) => ({ text: row.text, label: classes[row.label] as string })),
    warnings,
  }
}

const isFilled = (value: unknown): boolean => value !== undefined && value !== null && String(value).trim() !== ''

/** The format by the file's extension, else by the first lines. @throws {DataError} for files of other kinds. */
function formatOf(name: string, sample: string): { format: string; delimiter?: string } {
  if (sample.includes('\0') || ['PK\u0003', '%PDF'].some((magic) => sample.startsWith(magic)))
    throw new DataError({
      where: name,
      what: 'a file of another kind',
      expected: 'a table as text: CSV, TSV, JSONL or JSON',
      fix: 'From a spreadsheet, save it as CSV.',
    })
  const extension = /\.(\w+)$/.exec(name)?.[1]?.toLowerCase()
  const start = sample.trimStart()
  if (['jsonl', 'ndjson', 'json', 'tsv', 'tab'].includes(extension ?? '')) return { format: extension as string }
  if (start.startsWith('[')) return { format: 'json' }
  if (start.startsWith('{')) return { format: 'jsonl' }
  const [header = ''] = start.split('\n')
  const delimiters = [',', '\t', ';', '|'].map((delimiter) => ({ delimiter, parts: header.split(delimiter).length }))
  const { delimiter } = delimiters.reduce((best, one) => (one.parts > best.parts ? one : best))
  return delimiter === '\t' ? { format: 'tsv' } : { format: 'csv', delimiter }
}

const named = (columns: readonly string[], names: readonly string[]): string | undefined =>
  names.flatMap((name) => columns.filter((column) => column.toLowerCase() === name))[0]

/** The column with the fewest different values, of those that are not the texts. */
function labelOf(
  columns: readonly string[],
  records: readonly Readonly<Record<string, unknown>>[],
  text?: string,
): string {
  const others = columns.filter((column) => column !== text)
  const different = (column: string) => new Set(records.map((record) => record[column])).size
  return (
    named(others, labelNames) ??
    others.reduce((best, column) => (different(column) > 1 && different(column) < different(best) ? column : best))
  )
}

/** The column with the longest values. */
function textOf(columns: readonly string[], records: readonly Readonly<Record<string, unknown>>[]): string {
  const length = (column: string) => records.reduce((sum, record) => sum + String(record[column] ?? '').length, 0)
  return named(columns, textNames) ?? columns.reduce((best, column) => (length(column) > length(best) ? column : best))
}
