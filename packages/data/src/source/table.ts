// Reads tables: CSV, TSV, JSON Lines, JSON, Parquet, CoNLL and lines of text, as rows with all their columns or as texts
// with the index of a class.

import {
  callable,
  type Check,
  checkOptions,
  type Checks,
  checkValue,
  defined,
  listOf,
  string,
  text,
} from '@cola/graph/options'
import { DataError } from '../errors.ts'
import {
  type AskedColumn,
  labelledColumns,
  refuseRagged,
  requireAsked,
  requireColumn,
  requireDelimiter,
} from './columns.ts'
import { conllChecks, type ConllOptions } from './conll-options.ts'
import { checkText, decodeChecks, decodeText, type DecodeOptions, lineAt } from './decode.ts'
import { dsvChecks, parseDsv, type Quoting } from './dsv.ts'
import { type JsonRecord, parseJsonArray, parseJsonLines } from './json.ts'
import { column, labelChecks, labelRows, type LabelledTable, type LabelOptions } from './labelled-table.ts'
import type { FileSource } from '../open/open-file.ts'
import { readOne } from './read-text.ts'
import { describeValue } from './row-checks.ts'
import { keepPlace } from './row-places.ts'

/** Options of reading a table as records. */
export interface RecordOptions extends Pick<DecodeOptions, 'encoding'>, ConllOptions {
  /**
   * Meaning of quotes in CSV and TSV. @default 'minimal' for CSV; 'auto' for TSV, which has no quoting but is often
   * written with it
   */
  quoting?: Quoting
  /**
   * Delimiter of CSV and TSV, and of the columns of CoNLL. The default is refused for a header that has another one alone,
   * unless it is given. @default a comma for CSV, a tab for TSV; for CoNLL tabs where the first line has one, else spaces
   */
  delimiter?: string
  /** Called with a warning for text that was not decoded without replacements. @default none */
  onWarning?: (message: string) => void
  /** Names of the columns, or fields, to read, each of which must be there. @default all */
  columns?: readonly string[]
  /** Field of a JSON file's object that has the rows, as in Hugging Face's datasets. @default the file is an array */
  field?: string
}

/** Options of reading a table: its format, delimiter, header and encoding. */
export interface TableOptions extends LabelOptions, Omit<RecordOptions, 'onWarning' | 'columns' | keyof ConllOptions> {}

const formatChecks = { encoding: decodeChecks.encoding, field: text, ...dsvChecks }
const recordChecks: Checks<Omit<RecordOptions, keyof ConllOptions>> = {
  ...formatChecks,
  onWarning: callable,
  columns: listOf(column),
}
const allChecks: Checks<RecordOptions> = { ...recordChecks, ...conllChecks }
const [aString, isString] = string
const place: Check = [aString, isString, () => 'It names the table in errors; the options come after it.']
const tableChecks: Checks<TableOptions> = { ...formatChecks, ...labelChecks }

/** Checks options; pandas' names, and those of another function here, are loaded for one that is unknown. */
async function requireKnown(call: string, options: object, checks: Readonly<Record<string, Check>>): Promise<void> {
  const areKnown = Object.keys(options ?? {}).every((name) => Object.hasOwn(checks, name))
  checkOptions(call, options, checks, false, areKnown ? {} : (await import('./other-names.ts')).ofTables)
}

/** Parses all columns. Each of `asked` must be there, and once; undefined stands for all columns of the header. */
type Parser = (
  content: string,
  where: string,
  asked: readonly AskedColumn[] | undefined,
  options: RecordOptions,
) => JsonRecord[] | Promise<JsonRecord[]>

const separated =
  (delimiter: string, quoting: Quoting): Parser =>
  (content, where, asked, options) => {
    const said = /^sep=(.)(?=[\r\n])/i.exec(content)
    if (options.delimiter === undefined && !said) requireDelimiter(content, delimiter, where)
    const form = { delimiter: said?.[1] ?? delimiter, quoting, ...dsvOptions(options) }
    // What is left of Excel's line is blank, so that lines keep their numbers.
    const [header, ...records] = parseDsv(said ? content.slice(said[0].length) : content, {
      ...form,
      where,
      onWarning: options.onWarning,
    })
    if (!header) return []
    const names = header.cells.map((name) => name.trim())
    const place = `${where}, line ${header.line}`
    const used = [...names.entries()].filter(([i, name]) => name || records.some(({ cells }) => cells[i]?.trim()))
    for (const one of asked ?? readColumns(used.map(([, name]) => name))) requireColumn(names, one, place)
    return records.map(({ line, cells }) => {
      if (cells.length !== names.length) refuseRagged(`${where}, line ${line}`, names, cells, form)
      return {
        place: `line ${line}`,
        values: Object.fromEntries(used.map(([i, name]) => [name, cells[i]])),
      }
    })
  }

const readColumns = (names: readonly string[]): AskedColumn[] => names.map((name) => ({ name, option: 'columns' }))

const dsvOptions = ({ delimiter, quoting }: RecordOptions) => ({
  ...(delimiter === undefined ? {} : { delimiter }),
  ...(quoting === undefined ? {} : { quoting }),
})

const json =
  (parse: (content: string, where: string) => JsonRecord[], isLines = false): Parser =>
  async (content, where, asked = [], { field } = {}) => {
    const inField = field === undefined ? undefined : await import('./json-field.ts')
    const records = inField?.rowsIn(field as string, content, where) ?? parse(content, where)
    const [first] = records
    if (first && records.length === 1 && !inField)
      (await import('./one-json-row.ts')).refuseWholeTable(first.values, asked, `${where}, ${first.place}`, isLines)
    for (const { place, values } of records)
      for (const one of asked) requireAsked(values, one, `${where}, ${place}`, (records[0] as JsonRecord).values)
    return records
  }

const conll =
  (defaults: ConllOptions): Parser =>
  async (content, where, asked = [], options) => {
    // A part of its own in bundles.
    const { parseConll, refuseTexts } = await import('./conll.ts')
    if (asked.some(({ option }) => option !== 'columns')) refuseTexts(where)
    const records = parseConll(content, where, { ...defaults, ...defined(options) })
    for (const one of asked) for (const { values } of records.slice(0, 1)) requireAsked(values, one, where, values)
    return records
  }

const [csv, tsv, jsonl] = [separated(',', 'minimal'), separated('\t', 'auto'), json(parseJsonLines, true)]
const parsers: Readonly<Record<string, Parser>> = {
  csv,
  tsv,
  tab: tsv,
  jsonl,
  ndjson: jsonl,
  json: json(parseJsonArray),
  conll: conll({}),
  conllu: conll({ words: 'FORM', tags: 'UPOS' }),
  txt: async (content, where, asked) => (await import('./text-lines.ts')).parseTextLines(content, where, asked),
}
const formats = [...Object.keys(parsers), 'parquet']
/** Formats that have the options `words` and `tags`. */
const conllFormats = ['conll', 'conllu']

/**
 * Parses a table with a header line (CSV, TSV), JSON objects one per line, a JSON array of objects, or Parquet. Header
 * names and labels are trimmed, texts are not. Blank lines are skipped, and columns without a name and a value; a first
 * line `sep=;`, which Excel reads, names the delimiter.
 * @param content Text, or bytes, which are decoded strictly.
 * @param format `csv`, `tsv`, `jsonl`, `json` or `parquet`; also `tab` and `ndjson`.
 * @throws {DataError} naming file, line and column: an unknown format, a missing or duplicate column, a row with more
 * or fewer cells than the header, a text or label that is blank, null, a list or an object, a label that is not a
 * class, bytes that are not valid in the encoding, no rows.
 * @throws {ConfigError} for an option that is unknown or out of its range.
 */
export async function parseTable(
  content: string | Uint8Array,
  format: string,
  where = 'table',
  options: TableOptions = {},
): Promise<LabelledTable> {
  checkValue('parseTable, where', where, place)
  await requireKnown('parseTable', options, tableChecks)
  await requireFormat(format, where)
  const { text = 'text', label = 'label' } = options
  const records = await parseFormat(content, format, where, labelledColumns(text, label), options)
  const rows = records.map(({ place, values }) => {
    const cell = (name: string) => values[Object.hasOwn(values, name) ? name : name.trim()]
    return { place, text: cell(text), label: cell(label) }
  })
  return labelRows(rows, options, where)
}

/** Formats of tables of texts. */
type TextFormat = 'csv' | 'tsv' | 'tab' | 'txt'
/** Formats of sentences whose words have tags. */
type ConllFormat = 'conll' | 'conllu'
/** Values of a format: texts, or what JSON has, which is not known before it is read. */
type Cell<Format extends string> = [Format] extends [TextFormat] ? string : unknown
/** Rows of a format. */
type Rows<Format extends string, Column extends string> = [Format] extends [ConllFormat]
  ? Pick<{ words: string[]; tags: string[] }, Column & ('words' | 'tags')>[]
  : Record<Column, Cell<Format>>[]
/** The format that the name of a file says. */
type ExtensionOf<From> = From extends `${string}.${TextFormat}`
  ? TextFormat
  : From extends `${string}.${ConllFormat}`
    ? ConllFormat
    : string

/**
 * Parses a table as {@link parseTable} does, into objects with a field per column: trimmed header names and texts as
 * they are from CSV and TSV, values as they are from JSON and Parquet (whole numbers beyond 2^53 are bigints); or, from
 * CoNLL, `{ words, tags }` for each sentence. `txt` is a text a line, with the column `text`, blank lines too.
 * CoNLL (`conll`, `conllu`): a word a line, columns between spaces or tabs, a blank line behind each sentence. Lines of
 * `-DOCSTART-` and comments are skipped.
 * @typeParam Column Name of a column that is read; its values are strings in CSV and TSV, and unknown in other formats.
 * @typeParam Row What the table holds; it is not checked: `<{ messages: ChatMessage[] }>`.
 * @throws {DataError} naming file, line and column: an unknown format, a missing or duplicate column, a row with more
 * or fewer cells than the header, bytes that are not valid in the encoding, no rows.
 * @throws {ConfigError} for an option that is unknown or out of its range.
 */
export async function parseRecords<const Format extends string, const Column extends string = string>(
  content: string | Uint8Array,
  format: Format,
  where?: string,
  options?: RecordOptions & { columns?: readonly Column[] },
): Promise<Rows<Format, Column>>
export async function parseRecords<Row extends object>(
  content: string | Uint8Array,
  format: string,
  where?: string,
  options?: RecordOptions & { columns?: readonly (keyof Row & string)[] },
): Promise<Row[]>
export async function parseRecords(
  content: string | Uint8Array,
  format: string,
  where = 'table',
  options: RecordOptions = {},
): Promise<object[]> {
  checkValue('parseRecords, where', where, place)
  await requireKnown('parseRecords', options, allChecks)
  await requireFormat(format, where)
  if (!conllFormats.includes(format)) await requireKnown('parseRecords', options, recordChecks)
  const { columns } = options
  const records = await parseFormat(content, format, where, columns && readColumns(columns), options)
  if (records.length === 0) throw new DataError({ where, what: 'no rows', expected: 'at least one row', found: 'none' })
  return records.map(({ place, values }) => keepPlace(columns ? only(values, columns) : values, `${where}, ${place}`))
}

const only = (values: JsonRecord['values'], columns: readonly string[]): object =>
  Object.fromEntries(columns.map((name) => [name, values[name]]))

/** @throws {DataError} for a format that is unknown. */
async function requireFormat(format: string, where: string): Promise<void> {
  // A part of its own in bundles.
  if (!formats.includes(format)) throw (await import('./unknown-format.ts')).unknownFormat(format, formats, where)
}

async function parseFormat(
  content: string | Uint8Array,
  format: string,
  where: string,
  asked: readonly AskedColumn[] | undefined,
  options: RecordOptions,
): Promise<JsonRecord[]> {
  if (options.field !== undefined && format !== 'json')
    throw (await import('./json-field.ts')).otherFormat(format, where)
  if (format === 'parquet') return (await import('./parquet.ts')).parseParquet(content, where, asked)
  if (typeof content !== 'string' && !(content instanceof Uint8Array))
    throw new DataError({
      where,
      what: 'not the content of a table',
      expected: 'a string or a Uint8Array',
      found: describeValue(content),
    })
  const { encoding = 'utf-8', onWarning } = options
  const decoded = typeof content === 'string' ? checkText(content, where) : decodeText(content, { encoding, where })
  const replaced = decoded.indexOf('\uFFFD')
  if (replaced >= 0)
    onWarning?.(
      `${where}, line ${lineAt(decoded, replaced)}: U+FFFD, which stands where bytes were not in the encoding`,
    )
  return (parsers[format] as Parser)(decoded, where, asked, options)
}

/**
 * Reads a table from a file, in the format of its extension.
 * @param source A path, an address, a file that a person picked, or bytes, whose `format` is given.
 * @throws {DataError | ConfigError} as {@link parseTable}, or when the file cannot be read.
 */
export async function readTable(
  source: FileSource | Uint8Array,
  options: TableOptions & { format?: string } = {},
): Promise<LabelledTable> {
  await requireKnown('readTable', options, { format: text, ...tableChecks })
  const { format, ...parsing } = options
  const { path, bytes } = await readOne(source)
  return parseTable(bytes, format ?? extensionOf(path), path, parsing)
}

/**
 * Reads the rows of a file, in the format of its extension, as objects with a field per column; the sentences of a CoNLL
 * file as `{ words, tags }`.
 * @param source A path, an address, a file that a person picked, or bytes, whose `format` is given.
 * @typeParam Column Name of a column that is read; its values are strings in CSV and TSV, and unknown in other formats.
 * @typeParam Row What the table holds; it is not checked: `<{ messages: ChatMessage[] }>`.
 * @throws {DataError | ConfigError} as {@link parseRecords}, or when the file cannot be read.
 */
export async function readRecords<
  const From extends FileSource | Uint8Array,
  const Column extends string = string,
  const Format extends string = ExtensionOf<From>,
>(
  source: From,
  options?: RecordOptions & { format?: Format; columns?: readonly Column[] },
): Promise<Rows<Format, Column>>
export async function readRecords<Row extends object>(
  source: FileSource | Uint8Array,
  options?: RecordOptions & { format?: string; columns?: readonly (keyof Row & string)[] },
): Promise<Row[]>
export async function readRecords(
  source: FileSource | Uint8Array,
  options: RecordOptions & { format?: string } = {},
): Promise<object[]> {
  await requireKnown('readRecords', options, { format: text, ...allChecks })
  const { format, ...parsing } = options
  const { path, bytes } = await readOne(source)
  return parseRecords(bytes, format ?? extensionOf(path), path, parsing)
}

const extensionOf = (path: string): string => path.slice(path.lastIndexOf('.') + 1).toLowerCase()
