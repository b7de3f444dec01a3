// Reads CoLA from GLUE on the Hugging Face hub (parquet) and from the zip of the public release. The only importer of
// hyparquet.

import { requireKind } from '@cola/graph/door'
import { checkOptions, isBlank } from '@cola/graph/options'
import { DataError } from '../errors.ts'
import { fetchFiles, placeOf } from '../files/files.ts'
import { readZip } from '../files/zip.ts'
import { repositoryFiles } from '../hub/hub.ts'
import { hubChecks, type HubOptions } from '../hub/hub-options.ts'
import { colaSplits, type ColaSplit, type LabelledText, parseColaTsv } from './cola.ts'
import { decodeText } from './decode.ts'
import { checkPages } from './parquet-pages.ts'

const glueSplits = ['train', 'validation'] as const

/**
 * Reads a parquet file with columns `sentence` and `label`.
 * @throws {DataError} naming the file and the row: not parquet, columns missing, labels other than 0 and 1.
 */
export async function parseGlueParquet(bytes: Uint8Array, where = 'parquet'): Promise<LabelledText[]> {
  requireKind('parseGlueParquet, bytes', bytes, 'bytes')
  const rows = await readColumns(bytes).catch((cause: Error) => {
    throw new DataError(
      { where, what: 'not a parquet file with columns sentence and label', found: cause.message },
      { cause },
    )
  })
  if (rows.length === 0)
    throw new DataError({ where, what: 'the dataset is empty', expected: 'at least one row', found: '0' })
  return rows.map(({ sentence, label }, i) => {
    // An int64 column holds bigints. Number(null) would be 0.
    const value = typeof label === 'bigint' || typeof label === 'number' ? Number(label) : undefined
    if (typeof sentence !== 'string' || isBlank(sentence) || (value !== 0 && value !== 1))
      throw new DataError({
        where: `${where}, row ${i + 1}`,
        what: 'wrong row',
        expected: 'a sentence and label 0 or 1',
        found: JSON.stringify({ sentence, label: String(label) }),
      })
    return { text: sentence, label: value }
  })
}

const columns = ['sentence', 'label']

/** Rows of a sentence take more than a byte for 64 of them, however they are compressed. */
const rowsPerByte = 64

/** The rows of a parquet file, after its counts are held against its size. */
async function readColumns(bytes: Uint8Array): Promise<Record<string, unknown>[]> {
  const { parquetMetadata, parquetReadObjects } = await import('hyparquet')
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer
  const metadata = parquetMetadata(file)
  const most = bytes.length * rowsPerByte
  let rows = 0
  for (const group of metadata.row_groups) {
    rows += requireCount('rows of a group', group.num_rows, most)
    for (const { meta_data } of group.columns) {
      if (!meta_data || !columns.includes(meta_data.path_in_schema.join('.'))) continue
      const { dictionary_page_offset, data_page_offset, total_compressed_size, num_values } = meta_data
      const begin = requireCount('offset', dictionary_page_offset || data_page_offset, bytes.length)
      const length = requireCount('size', total_compressed_size, bytes.length - begin)
      const values = requireCount('values of a column', num_values, most)
      checkPages(bytes, { begin, end: begin + length, values })
    }
  }
  if (rows !== requireCount('rows', metadata.num_rows, most)) throw new Error('its groups have other rows')
  return parquetReadObjects({ file, metadata, columns })
}

function requireCount(name: string, count: bigint | number, most: number): number {
  if (count >= 0 && count <= most) return Number(count)
  throw new Error(`its ${name} contradict the size of the file: ${count}`)
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
