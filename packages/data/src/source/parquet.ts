// Reads tables in Parquet, after their counts are held against the file's size. The only importer of hyparquet.

import type { FileMetaData } from 'hyparquet'
import { DataError } from '../errors.ts'
import { type AskedColumn, requireColumn } from './columns.ts'
import type { JsonRecord } from './json.ts'
import { checkPages } from './parquet-pages.ts'
import { describeValue } from './row-checks.ts'

/** A row takes more than a byte for 64 of them, however they are compressed. */
const rowsPerByte = 64

/**
 * Rows with a field per column; of nested columns arrays and objects. Whole numbers are numbers, bigints beyond 2^53.
 * @param columns Those that are read. @default all
 * @throws {Error} for what is no Parquet, and for counts that contradict the file.
 */
export async function readParquet(bytes: Uint8Array, columns?: readonly string[]): Promise<Record<string, unknown>[]> {
  const file = bufferOf(bytes)
  return readRows(file, await metadataOf(file), columns)
}

/** As {@link readParquet}, with the place of each row. @throws {DataError} naming the file, or a missing column. */
export async function parseParquet(
  content: unknown,
  where: string,
  asked: readonly AskedColumn[] | undefined,
): Promise<JsonRecord[]> {
  if (!(content instanceof Uint8Array))
    throw new DataError({ where, what: 'Parquet is no text', expected: 'bytes', found: describeValue(content) })
  try {
    const file = bufferOf(content)
    const metadata = await metadataOf(file)
    for (const one of asked ?? []) requireColumn(columnsOf(metadata), one, where)
    const rows = await readRows(
      file,
      metadata,
      asked?.map(({ name }) => name.trim()),
    )
    return rows.map((values, i) => ({ place: `row ${i + 1}`, values }))
  } catch (cause) {
    throw cause instanceof DataError ? cause : unreadable(where, cause as Error)
  }
}

function unreadable(where: string, cause: Error): DataError {
  const codec = /codec: (\w+)/.exec(cause.message)?.[1]
  const problem = codec
    ? {
        what: 'compressed in a way that is not read',
        expected: 'SNAPPY or UNCOMPRESSED',
        found: codec,
        fix: "Write it again: df.to_parquet(path, compression='snappy') of pandas.",
      }
    : { what: 'not a Parquet file', found: cause.message }
  return new DataError({ where, ...problem }, { cause })
}

const bufferOf = ({ buffer, byteOffset, byteLength }: Uint8Array): ArrayBuffer =>
  buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer

const metadataOf = async (file: ArrayBuffer): Promise<FileMetaData> => (await import('hyparquet')).parquetMetadata(file)

/** Names of the columns, of which nested ones have several leaves. */
const columnsOf = ({ row_groups }: FileMetaData): string[] => [
  ...new Set(
    row_groups.flatMap((group) => group.columns.map(({ meta_data }) => meta_data?.path_in_schema[0] as string)),
  ),
]

async function readRows(
  file: ArrayBuffer,
  metadata: FileMetaData,
  columns: readonly string[] = columnsOf(metadata),
): Promise<Record<string, unknown>[]> {
  requireCounts(new Uint8Array(file), metadata, columns)
  const { parquetReadObjects } = await import('hyparquet')
  const rows = await parquetReadObjects({ file, metadata, columns: [...columns] })
  return rows.map((row) => plain(row) as Record<string, unknown>)
}

/** A value as JSON has it; dates, and numbers beyond those that are exact, as they are. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value
  if (value === undefined) return null
  if (ArrayBuffer.isView(value)) return Array.from(value as Uint8Array, plain)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]))
}

/** @throws {Error} for counts of the columns that are read which contradict the size of the file. */
function requireCounts(bytes: Uint8Array, metadata: FileMetaData, columns: readonly string[]): void {
  const most = bytes.length * rowsPerByte
  let rows = 0
  for (const group of metadata.row_groups) {
    rows += requireCount('rows of a group', group.num_rows, most)
    for (const { meta_data } of group.columns) {
      if (!meta_data || !columns.includes(meta_data.path_in_schema[0] as string)) continue
      const { dictionary_page_offset, data_page_offset, total_compressed_size, num_values } = meta_data
      const begin = requireCount('offset', dictionary_page_offset || data_page_offset, bytes.length)
      const length = requireCount('size', total_compressed_size, bytes.length - begin)
      const values = requireCount('values of a column', num_values, most)
      checkPages(bytes, { begin, end: begin + length, values })
    }
  }
  if (rows !== requireCount('rows', metadata.num_rows, most)) throw new Error('its groups have other rows')
}

function requireCount(name: string, count: bigint | number, most: number): number {
  if (count >= 0 && count <= most) return Number(count)
  throw new Error(`its ${name} contradict the size of the file: ${count}`)
}
