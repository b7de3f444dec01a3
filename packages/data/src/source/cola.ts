// Reads the Corpus of Linguistic Acceptability (Warstadt, Singh & Bowman 2019): tab-separated, four columns, no header,
// no quoting.

import { requireKind } from '@cola/graph/door'
import { isBlank } from '@cola/graph/options'
import { DataError } from '../errors.ts'
import { placeOf } from '../files/files.ts'
import { openFiles, type Source } from '../open/open-files.ts'
import { checkText, decodeText } from './decode.ts'

/** A sentence and whether it is acceptable. */
export interface LabelledText {
  text: string
  /** 1 acceptable, 0 not. */
  label: number
}

/** Names of the splits of the public CoLA release. */
export type ColaSplit = 'in_domain_train' | 'in_domain_dev' | 'out_of_domain_dev'

/** The files of each split of the public CoLA release. */
export const colaSplits: readonly ColaSplit[] = ['in_domain_train', 'in_domain_dev', 'out_of_domain_dev']

/**
 * Parses a split of the public release. Quotes are text, CRLF is read as LF, blank lines at the end are ignored.
 * @throws {DataError} naming file and line: missing columns, labels other than 0 and 1, no rows.
 */
export function parseColaTsv(content: string, where = 'CoLA'): LabelledText[] {
  requireKind('parseColaTsv, content', content, 'text')
  const lines = checkText(content, where).split(/\r?\n/)
  while (lines.at(-1)?.trim() === '') lines.pop()
  if (lines.length === 0)
    throw new DataError({ where, what: 'the dataset is empty', expected: 'at least one row', found: '0' })
  return lines.map((line, i) => {
    const columns = line.split('\t')
    const [, label, , text] = columns
    const at = `${where}, line ${i + 1}`
    if (columns.length !== 4 || text === undefined || isBlank(text))
      throw new DataError({
        where: at,
        what: 'wrong columns',
        expected: 'source, label, mark, sentence',
        found: `${columns.length} columns`,
        fix: 'The file must be tab-separated, as in the public release.',
      })
    if (label !== '0' && label !== '1')
      throw new DataError({ where: at, what: 'wrong label', expected: '0 or 1', found: JSON.stringify(label) })
    return { text, label: Number(label) }
  })
}

/**
 * Reads splits from a folder of the public release (with or without its `raw/`), wherever it lies.
 * @throws {DataError} naming the file.
 */
export async function readColaFolder(folder: Source): Promise<Record<ColaSplit, LabelledText[]>> {
  const places = colaSplits.map((split) => [`raw/${split}.tsv`, `${split}.tsv`] as const)
  const files = await openFiles(folder, { files: places.flat().map((path) => ({ path, optional: true })) })
  const read = ([raw, flat]: readonly [string, string]) => {
    const name = files.has(raw) ? raw : flat
    return parseColaTsv(decodeText(files.read(name), { where: placeOf(files, name) }), placeOf(files, name))
  }
  const [in_domain_train, in_domain_dev, out_of_domain_dev] = places.map(read)
  return { in_domain_train, in_domain_dev, out_of_domain_dev } as Record<ColaSplit, LabelledText[]>
}
