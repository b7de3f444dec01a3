// Parses delimiter-separated values into records of cells, with their lines. RFC 4180, and IANA's TSV (no quoting).

import { type Checks, oneOf } from '@cola/graph/options'
import { DataError } from '../errors.ts'
import { delimiterFix } from './row-checks.ts'

/**
 * Meaning of quotes.
 * - `minimal`: a cell that starts with a quote ends at the next one that is not doubled, and may hold delimiters and
 *   newlines (Python's `csv.QUOTE_MINIMAL`, pandas' default).
 * - `none`: quotes are text (`csv.QUOTE_NONE`).
 * - `auto`: quotes are text, unless every cell that starts with one is quoted as a whole. Cells hold no delimiter and
 *   no newline.
 */
export type Quoting = 'minimal' | 'none' | 'auto'

export interface DsvRecord {
  /** Line of the file where the record starts, from 1. */
  line: number
  cells: string[]
}

export interface DsvOptions {
  /** One character. */
  delimiter: string
  quoting: Quoting
  /** File, for errors. */
  where: string
  /** Called if `auto` does not remove quotes around cells. */
  onWarning?: ((message: string) => void) | undefined
}

type Reader = (content: string, options: DsvOptions) => DsvRecord[]

const readers: Readonly<Record<Quoting, Reader>> = { minimal: readQuoted, none: readPlain, auto: readAuto }

/** Checks of the options that tables have of {@link DsvOptions}. */
export const dsvChecks: Checks<Pick<DsvOptions, 'delimiter' | 'quoting'>> = {
  delimiter: [
    'one character, no quote and no end of a line',
    (value) => typeof value === 'string' && value.length === 1 && !/["\r\n]/.test(value),
  ],
  quoting: oneOf(Object.keys(readers)),
}

/**
 * The records of a text; blank lines are skipped, as in pandas.
 * @throws {DataError} naming file and line: a quote that is never closed, text after a closing quote.
 */
export function parseDsv(content: string, options: DsvOptions): DsvRecord[] {
  const { quoting } = options
  return readers[quoting](content, options).filter(
    ({ cells }) => cells.length > 1 || (cells[0] as string).trim() !== '',
  )
}

function readPlain(content: string, { delimiter }: DsvOptions): DsvRecord[] {
  return content.split(/\r\n|\n|\r/).map((line, i) => ({ line: i + 1, cells: line.split(delimiter) }))
}

function readAuto(content: string, options: DsvOptions): DsvRecord[] {
  const records = readPlain(content, options)
  const quoted = /^"[^"]*(?:""[^"]*)*"$/
  const partly = records.find(({ cells }) => cells.some((cell) => cell.startsWith('"') && !quoted.test(cell)))
  if (!partly) return records.map(({ line, cells }) => ({ line, cells: cells.map(unquote) }))
  if (records.some(({ cells }) => cells.some((cell) => quoted.test(cell))))
    options.onWarning?.(
      `${options.where}, line ${partly.line}: a quote that does not enclose its cell, so quotes are text in all ` +
        "cells; quoting: 'minimal' or 'none' says it for certain",
    )
  return records
}

const unquote = (cell: string): string => (cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell)

function readQuoted(content: string, { delimiter, where }: DsvOptions): DsvRecord[] {
  const quoted = /"[^"]*(?:""[^"]*)*"/y
  const plain = new RegExp(`[^${delimiter.replace(/[\\\]^-]/, '\\$&')}\\r\\n]*`, 'y')
  const newline = /\r\n|\n|\r/y
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    return pattern.exec(content)?.[0]
  }
  const records: DsvRecord[] = []
  let [at, line] = [0, 1]
  let record: DsvRecord = { line, cells: [] }
  while (at < content.length || record.cells.length > 0) {
    const cell = content[at] === '"' ? take(quoted) : (take(plain) as string)
    if (cell === undefined) refuseQuote('a quote that is never closed', content.slice(at), `${where}, line ${line}`)
    at += cell.length
    line += newlines(cell)
    if (content[at] === delimiter) {
      record.cells.push(unquote(cell))
      at++
      continue
    }
    const end = take(newline)
    if (end === undefined && at < content.length) {
      const [rest, next] = [content.slice(at - cell.length), content[at] as string]
      const fix = delimiterFix([next])
      refuseQuote('text after a closing quote', rest, `${where}, line ${line}`, fix)
    }
    record.cells.push(unquote(cell))
    records.push(record)
    at += end?.length ?? 0
    record = { line: ++line, cells: [] }
  }
  return records
}

const newlines = (cell: string): number => cell.match(/\r\n|\n|\r/g)?.length ?? 0

const noQuotes = "If quotes are text in this file, set quoting: 'none'."

function refuseQuote(what: string, found: string, where: string, fix = noQuotes): never {
  throw new DataError({
    where,
    what,
    expected: 'quotes around a whole cell, those inside doubled',
    found: JSON.stringify(found.length > 40 ? `${found.slice(0, 40)}...` : found),
    fix,
  })
}
