// Reads labelled texts from tables: CSV, TSV, JSON Lines and JSON, with any number of classes.

import { DataError } from '../errors.ts'
import { checkText, decodeText, type DecodeOptions, lineAt } from './decode.ts'
import { parseDsv, type Quoting } from './dsv.ts'
import { type JsonRecord, parseJsonArray, parseJsonLines } from './json.ts'
import { checkLabelOptions, labelRows, type LabelledTable, type LabelOptions, type RawRow } from './labelled-table.ts'
import { readFirst } from './read-text.ts'

export interface TableOptions extends LabelOptions, Pick<DecodeOptions, 'encoding'> {
  /**
   * Meaning of quotes in CSV and TSV. @default 'minimal' for CSV; 'auto' for TSV, which has no quoting but is often
   * written with it
   */
  quoting?: Quoting
  /** Delimiter of CSV and TSV. @default a comma for CSV, a tab for TSV */
  delimiter?: string
}

type Columns = Required<Pick<TableOptions, 'text' | 'label'>>
type Parser = (content: string, where: string, columns: Columns, options: TableOptions) => RawRow[]

const separated =
  (delimiter: string, quoting: Quoting): Parser =>
  (content, where, columns, options) => {
    const [header, ...records] = parseDsv(content, {
      delimiter,
      quoting,
      ...dsvOptions(options),
      where,
      onWarning: options.onWarning,
    })
    if (!header) return []
    const names = header.cells.map((name) => name.trim())
    const [text, label] = [columns.text, columns.label].map((name) =>
      columnOf(names, name.trim(), `${where}, line ${header.line}`),
    ) as [number, number]
    return records.map(({ line, cells }) => {
      if (cells.length !== names.length) refuseRagged(`${where}, line ${line}`, names, cells)
      return { place: `line ${line}`, text: cells[text], label: cells[label] }
    })
  }

const dsvOptions = ({ delimiter, quoting }: TableOptions) => ({
  ...(delimiter === undefined ? {} : { delimiter }),
  ...(quoting === undefined ? {} : { quoting }),
})

const json =
  (parse: (content: string, where: string) => JsonRecord[]): Parser =>
  (content, where, { text, label }) =>
    parse(content, where).map(({ place, values }) => {
      for (const name of [text, label])
        if (!Object.hasOwn(values, name)) refuseColumn(`${where}, ${place}`, name, Object.keys(values))
      return { place, text: values[text], label: values[label] }
    })

const [csv, tsv, jsonl] = [separated(',', 'minimal'), separated('\t', 'auto'), json(parseJsonLines)]
const parsers: Readonly<Record<string, Parser>> = {
  csv,
  tsv,
  tab: tsv,
  jsonl,
  ndjson: jsonl,
  json: json(parseJsonArray),
}

/**
 * Parses a table with a header line (CSV, TSV), JSON objects one per line, or a JSON array of objects. Header names and
 * labels are trimmed, texts are not. Blank lines are skipped.
 * @param content Text, or bytes, which are decoded strictly.
 * @param format `csv`, `tsv`, `jsonl` or `json`; also `tab` and `ndjson`.
 * @throws {DataError} naming file, line and column: an unknown format, a missing or duplicate column, a row with more
 * or fewer cells than the header, a text or label that is empty, null, a list or an object, a label that is not a
 * class, bytes that are not valid in the encoding, no rows.
 */
export async function parseTable(
  content: string | Uint8Array,
  format: string,
  where = 'table',
  options: TableOptions = {},
): Promise<LabelledTable> {
  if (!Object.hasOwn(parsers, format))
    throw new DataError({ where, what: 'unknown format', expected: Object.keys(parsers).join(', '), found: format })
  checkLabelOptions(options)
  const { text = 'text', label = 'label', encoding = 'utf-8', onWarning } = options
  const decoded = typeof content === 'string' ? checkText(content, where) : decodeText(content, { encoding, where })
  const replaced = decoded.indexOf('\uFFFD')
  if (replaced >= 0)
    onWarning?.(
      `${where}, line ${lineAt(decoded, replaced)}: U+FFFD, which stands where bytes were not in the encoding`,
    )
  return labelRows((parsers[format] as Parser)(decoded, where, { text, label }, options), options, where)
}

/**
 * Reads a table from a file, in the format of its extension.
 * @throws {DataError} as {@link parseTable}, or when the file cannot be read.
 */
export async function readTable(
  path: string,
  { format, ...options }: TableOptions & { format?: string } = {},
): Promise<LabelledTable> {
  const extension = path.slice(path.lastIndexOf('.') + 1).toLowerCase()
  return parseTable((await readFirst([path])).bytes, format ?? extension, path, options)
}

function columnOf(names: readonly string[], name: string, where: string): number {
  const at = names.indexOf(name)
  if (at < 0) refuseColumn(where, name, names)
  if (names.indexOf(name, at + 1) >= 0)
    throw new DataError({
      where,
      what: `two columns named "${name}"`,
      expected: 'one',
      found: names.join(', '),
      fix: 'Rename one of them.',
    })
  return at
}

function refuseColumn(where: string, name: string, found: readonly string[]): never {
  const other = found.length === 1 ? /[;\t|,]/.exec(found[0] as string)?.[0] : undefined
  throw new DataError({
    where,
    what: `no column "${name}"`,
    expected: `a column "${name}"`,
    found: found.map((column) => JSON.stringify(column)).join(', ') || 'no columns',
    fix: other
      ? `Is the delimiter ${JSON.stringify(other)}? Set it as delimiter.`
      : 'Name the columns of text and label; the first line is the header.',
  })
}

function refuseRagged(where: string, names: readonly string[], cells: readonly string[]): never {
  throw new DataError({
    where,
    what: `a row with ${cells.length > names.length ? 'too many' : 'too few'} cells`,
    expected: `${names.length} (${names.join(', ')})`,
    found: `${cells.length} (${cells.map((cell) => JSON.stringify(cell.slice(0, 30))).join(', ')})`,
    fix: "A cell that holds the delimiter or a newline needs quotes around it, and quoting: 'minimal'.",
  })
}
