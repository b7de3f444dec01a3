// Parses CoNLL's tables: a word a line with columns of tags, and a blank line behind each sentence. Loaded for them.

import { DataError } from '../errors.ts'
import type { ConllOptions } from './conll-options.ts'
import type { JsonRecord } from './json.ts'
import { describeValue } from './row-checks.ts'

/** A line with its cells. */
interface Line {
  readonly line: number
  readonly cells: readonly string[]
}

/** Columns of Universal Dependencies' files. */
const ofConllu = ['ID', 'FORM', 'LEMMA', 'UPOS', 'XPOS', 'FEATS', 'HEAD', 'DEPREL', 'DEPS', 'MISC']

/** Comments of CoNLL-U and OntoNotes. In CoNLL-2003 # is a word, too. */
const comment = /^#\s*(\S+\s+=(\s|$)|new(doc|par)\b|(begin|end) document\b)/
const names = /^#\s*global\.columns\s+=\s+(.*)$/
const document = /^-DOCSTART-/
/** Ids of what is no word of its own in CoNLL-U: several words that are written as one, and words that are left out. */
const noWord = /^\d+[-.]\d+$/

/**
 * Sentences with their words and tags, each with its first line.
 * @throws {DataError} naming file and line: another number of columns, a column that is not there, an empty word or tag.
 */
export function parseConll(
  content: string,
  where: string,
  { delimiter, words = 0, tags = -1 }: ConllOptions & { delimiter?: string | undefined },
): JsonRecord[] {
  const lines = content.split(/\r\n|\n|\r/)
  const isSkipped = (line: string) => document.test(line) || comment.test(line)
  const first = lines.find((line) => line.trim() !== '' && !isSkipped(line))
  if (first === undefined) return []
  const cellsOf = cellsBy(delimiter ?? (first.includes('\t') ? '\t' : undefined))
  const count = cellsOf(first).length
  const header = namesIn(lines, count)
  const [wordAt, tagAt] = [placeOf(words, 'words', count, header, where), placeOf(tags, 'tags', count, header, where)]
  return sentencesOf(lines, isSkipped, cellsOf).flatMap((sentence) => {
    const rows = sentence.filter(({ cells }) => !(header?.[0] === 'ID' && wordAt > 0 && noWord.test(cells[0] ?? '')))
    for (const { line, cells } of rows) requireCells(cells, count, [wordAt, tagAt], `${where}, line ${line}`)
    const column = (at: number) => rows.map(({ cells }) => cells[at] as string)
    const values = { words: column(wordAt), tags: column(tagAt) }
    return rows[0] ? [{ place: `line ${rows[0].line}`, values }] : []
  })
}

/** How a line is divided: at a delimiter, or at spaces and tabs. */
const cellsBy = (delimiter: string | undefined) => (line: string) =>
  delimiter === undefined ? line.trim().split(/[ \t]+/) : line.split(delimiter).map((cell) => cell.trim())

/** The names that CoNLL-U Plus has in its first line, or those of CoNLL-U's ten columns where ids are first. */
function namesIn(lines: readonly string[], count: number): readonly string[] | undefined {
  const named = lines.map((line) => names.exec(line)?.[1]).find((found) => found !== undefined)
  if (named !== undefined) return named.trim().split(/\s+/)
  return count === ofConllu.length ? ofConllu : undefined
}

function sentencesOf(
  lines: readonly string[],
  isSkipped: (line: string) => boolean,
  cellsOf: (line: string) => readonly string[],
): Line[][] {
  const sentences: Line[][] = [[]]
  lines.forEach((line, i) => {
    if (line.trim() === '' || document.test(line)) sentences.push([])
    else if (!isSkipped(line)) sentences.at(-1)?.push({ line: i + 1, cells: cellsOf(line) })
  })
  return sentences
}

/** The place of a column, from 0. */
function placeOf(
  column: number | string,
  option: 'words' | 'tags',
  count: number,
  header: readonly string[] | undefined,
  where: string,
): number {
  const at = typeof column === 'string' ? (header ?? []).indexOf(column) : column < 0 ? count + column : column
  if (at >= 0 && at < count) return at
  throw new DataError({
    where,
    what: `no column ${describeValue(column)}, which the option ${option} names`,
    expected: header?.join(', ') ?? `a column from 0 to ${count - 1}, or -1 for the last`,
    found: `${count} columns${header ? '' : ' without names'}`,
    fix: header ? undefined : 'Name columns by their number, or in a first line: # global.columns = WORD POS NER',
  })
}

function requireCells(cells: readonly string[], count: number, used: readonly number[], where: string): void {
  if (cells.length !== count)
    throw new DataError({
      where,
      what: 'another number of columns than in the first line',
      expected: String(count),
      found: `${cells.length}: ${describeValue(cells.join(' '))}`,
      fix: 'A blank line ends a sentence. Where spaces are in words, give the delimiter of the columns.',
    })
  const empty = used.find((at) => cells[at] === '')
  if (empty !== undefined)
    throw new DataError({ where, what: `nothing in column ${empty}`, expected: 'a word, and its tag', found: '""' })
}

/** @throws {DataError} for a file of words that is read as texts with labels. */
export function refuseTexts(where: string): never {
  throw new DataError({
    where,
    what: 'words with tags, and no texts with a label',
    fix: 'readRecords reads them, as { words, tags } for each sentence.',
  })
}
