// Reads CoLA from GLUE on the Hugging Face hub (Parquet) and from the zip of the public release.

import { requireKind } from '@cola/graph/door'
import { checkOptions, isBlank } from '@cola/graph/options'
import { DataError } from '../errors.ts'
import { fetchFiles, placeOf } from '../files/files.ts'
import { readZip } from '../files/zip.ts'
import { repositoryFiles } from '../hub/hub.ts'
import { hubChecks, type HubOptions } from '../hub/hub-options.ts'
import { colaSplits, type ColaSplit, type LabelledText, parseColaTsv } from './cola.ts'
import { decodeText } from './decode.ts'
import { readParquet } from './parquet.ts'

const columns = ['sentence', 'label']
const glueSplits = ['train', 'validation'] as const

/**
 * Reads a parquet file with columns `sentence` and `label`.
 * @throws {DataError} naming the file and the row: not parquet, columns missing, labels other than 0 and 1.
 */
export async function parseGlueParquet(bytes: Uint8Array, where = 'parquet'): Promise<LabelledText[]> {
  requireKind('parseGlueParquet, bytes', bytes, 'bytes')
  const rows = await readParquet(bytes, columns).catch((cause: Error) => {
    throw new DataError(
      { where, what: 'not a parquet file with columns sentence and label', found: cause.message },
      { cause },
    )
  })
  if (rows.length === 0)
    throw new DataError({ where, what: 'the dataset is empty', expected: 'at least one row', found: '0' })
  return rows.map(({ sentence, label }, i) => {
    if (typeof sentence !== 'string' || isBlank(sentence) || (label !== 0 && label !== 1))
      throw new DataError({
        where: `${where}, row ${i + 1}`,
        what: 'wrong row',
        expected: 'a sentence and label 0 or 1',
        found: JSON.stringify({ sentence, label: String(label) }),
      })
    return { text: sentence, label }
  })
}

/**
 * CoLA from GLUE on the hub: train and validation (which is in-domain and out-of-domain dev together; its labels differ
 * from the release's in two rows).
 * @throws {HubError | DataError}
 */
export async function readGlueCola(
  options: HubOptions = {},
): Promise<Record<(typeof glueSplits)[number], LabelledText[]>> {
  checkOptions('readGlueCola', options, hubChecks)
  const files = await repositoryFiles('nyu-mll/glue', { ...options, type: 'dataset' })
  const names = glueSplits.map((split) => `cola/${split}-00000-of-00001.parquet`)
  await fetchFiles(
    files,
    names.map((path) => ({ path })),
  )
  const [train, validation] = await Promise.all(
    names.map((name) => parseGlueParquet(files.read(name), placeOf(files, name))),
  )
  return { train, validation } as Record<(typeof glueSplits)[number], LabelledText[]>
}

/**
 * CoLA from the bytes of the public release's zip.
 * @throws {DataError} when it is not a zip or lacks a split.
 */
export async function parseColaZip(
  bytes: Uint8Array,
  where = 'cola_public.zip',
): Promise<Record<ColaSplit, LabelledText[]>> {
  requireKind('parseColaZip, bytes', bytes, 'bytes')
  const { sizes, read } = await readZip(bytes, where)
  const names = [...sizes.keys()].filter((name) => /raw\/\w+\.tsv$/.test(name))
  const parse = (split: ColaSplit) => {
    const name = names.find((path) => path.endsWith(`raw/${split}.tsv`))
    if (!name)
      throw new DataError({
        where,
        what: 'a split is missing',
        expected: `raw/${split}.tsv`,
        found: names.join(', ') || 'no splits',
      })
    return parseColaTsv(decodeText(read(name), { where: `${where}/${name}` }), `${where}/${name}`)
  }
  return Object.fromEntries(colaSplits.map((split) => [split, parse(split)])) as Record<ColaSplit, LabelledText[]>
}
