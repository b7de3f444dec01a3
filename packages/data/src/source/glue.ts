// Reads CoLA from GLUE on the Hugging Face hub (parquet) and from the zip of the public release. The only importer of
// hyparquet and fflate.

import { DataError } from '../errors.ts'
import { type HubOptions, hubFiles } from '../hub/hub.ts'
import { colaSplits, type ColaSplit, type LabelledText, parseColaTsv } from './cola.ts'
import { decodeText } from './decode.ts'

const glueSplits = ['train', 'validation'] as const

/**
 * Reads a parquet file with columns `sentence` and `label`.
 * @throws {DataError} naming the file and the row: not parquet, columns missing, labels other than 0 and 1.
 */
export async function parseGlueParquet(bytes: Uint8Array, where = 'parquet'): Promise<LabelledText[]> {
  const { parquetReadObjects } = await import('hyparquet')
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer
  const rows = await parquetReadObjects({ file, columns: ['sentence', 'label'] }).catch((cause: Error) => {
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
    if (typeof sentence !== 'string' || sentence === '' || (value !== 0 && value !== 1))
      throw new DataError({
        where: `${where}, row ${i + 1}`,
        what: 'wrong row',
        expected: 'a sentence and label 0 or 1',
        found: JSON.stringify({ sentence, label: String(label) }),
      })
    return { text: sentence, label: value }
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
  const { readFile } = await import('node:fs/promises')
  const paths = await hubFiles(
    'nyu-mll/glue',
    glueSplits.map((split) => ({ path: `cola/${split}-00000-of-00001.parquet` })),
    { ...options, type: 'dataset' },
  )
  const [train, validation] = await Promise.all(
    paths.map(async (path) => parseGlueParquet(await readFile(path as string), path)),
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
  const { unzipSync } = await import('fflate')
  let files: Record<string, Uint8Array>
  try {
    files = unzipSync(bytes, { filter: ({ name }) => /raw\/\w+\.tsv$/.test(name) })
  } catch (cause) {
    throw new DataError({ where, what: 'not a zip file', found: (cause as Error).message }, { cause })
  }
  const parse = (split: ColaSplit) => {
    const name = Object.keys(files).find((path) => path.endsWith(`raw/${split}.tsv`))
    if (!name)
      throw new DataError({
        where,
        what: 'a split is missing',
        expected: `raw/${split}.tsv`,
        found: Object.keys(files).join(', ') || 'no splits',
      })
    return parseColaTsv(decodeText(files[name] as Uint8Array, { where: `${where}/${name}` }), `${where}/${name}`)
  }
  return Object.fromEntries(colaSplits.map((split) => [split, parse(split)])) as Record<ColaSplit, LabelledText[]>
}
