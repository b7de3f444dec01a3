// Checks a parquet file's pages before they are read: hyparquet trusts the counts in their headers, and allocates and
// loops by them whatever the file holds. https://parquet.apache.org/docs/file-format/, in Thrift's compact protocol.

/** Where a column's pages lie, and how many values its rows have. */
export interface PageRange {
  begin: number
  end: number
  values: number
}

/** How far a page may exceed its compressed size: Snappy's greatest ratio is 21. */
const greatestRatio = 1000

/** Fields of a Thrift struct: numbers and structs, others as undefined. */
type Struct = Map<number, number | Struct | undefined>

interface Cursor {
  readonly bytes: Uint8Array
  at: number
}

/** @throws {Error} for a page whose sizes or counts contradict the file. */
export function checkPages(bytes: Uint8Array, { begin, end, values }: PageRange): void {
  const cursor: Cursor = { bytes: bytes.subarray(0, end), at: begin }
  let seen = 0
  while (cursor.at < end - 1 && seen < values) {
    const header = readStruct(cursor, 0)
    const [type, size, compressed] = [1, 2, 3].map((field) => numberOf(header, field))
    if (compressed === undefined || compressed < 0 || compressed > end - cursor.at)
      refuse('compressed size', compressed)
    if (size === undefined || size < 0 || size > 1024 + compressed * greatestRatio) refuse('size', size)
    // 0: data page, 2: dictionary, 3: data page of version 2.
    const page = header.get(type === 3 ? 8 : type === 2 ? 7 : 5)
    if (!(page instanceof Map)) refuse('type', type)
    const count = numberOf(page, 1)
    if (count === undefined || count < 0 || count > values) refuse('number of values', count)
    if (type === 3) checkLevels(page, size)
    if (type !== 2) seen += count
    cursor.at += compressed
  }
}

/** Of a data page of version 2: its levels lie in it, its nulls and rows are among its values. */
function checkLevels(page: Struct, size: number): void {
  const [count = 0, nulls = 0, rows = 0] = [1, 2, 3].map((field) => numberOf(page, field))
  // The format requires both; a reader that misses one loses its place.
  const [definition = Number.NaN, repetition = Number.NaN] = [5, 6].map((field) => numberOf(page, field))
  if (nulls < 0 || nulls > count) refuse('number of nulls', nulls)
  if (rows < 0 || rows > count) refuse('number of rows', rows)
  if (!(definition >= 0 && repetition >= 0 && definition + repetition <= size))
    refuse('length of its levels', definition + repetition)
}

function refuse(what: string, found: unknown): never {
  throw new Error(`a page whose ${what} contradicts the file: ${found}`)
}

const numberOf = (struct: Struct, field: number): number | undefined => {
  const value = struct.get(field)
  return typeof value === 'number' ? value : undefined
}

/** Deeper than any header of a page. */
const deepest = 8

function readStruct(cursor: Cursor, depth: number): Struct {
  if (depth > deepest) throw new Error('a page whose header is nested too deeply')
  const fields: Struct = new Map()
  for (let field = 0; ; ) {
    const head = byteOf(cursor)
    const type = head & 15
    if (type === 0) return fields
    field = head >> 4 ? field + (head >> 4) : zigzag(varint(cursor))
    fields.set(field, readValue(cursor, type, depth))
  }
}

/** A value by its type in the compact protocol: booleans are their type, lists are skipped. */
function readValue(cursor: Cursor, type: number, depth: number): number | Struct | undefined {
  if (type <= 2) return type === 1 ? 1 : 0
  if (type === 3) return byteOf(cursor)
  if (type <= 6) return zigzag(varint(cursor))
  if (type === 12) return readStruct(cursor, depth + 1)
  if (type === 7 || type === 8) {
    const length = type === 7 ? 8 : varint(cursor)
    cursor.at += length
    return undefined
  }
  if (type !== 9) throw new Error(`a page whose header has a field of type ${type}`)
  const head = byteOf(cursor)
  const count = head >> 4 === 15 ? varint(cursor) : head >> 4
  for (let i = 0; i < count; i++) readValue(cursor, (head & 15) <= 2 ? 3 : head & 15, depth + 1)
  return undefined
}

function byteOf(cursor: Cursor): number {
  const byte = cursor.bytes[cursor.at++]
  if (byte === undefined) throw new Error('a page that the file does not hold')
  return byte
}

function varint(cursor: Cursor): number {
  let value = 0
  for (let factor = 1; factor < 2 ** 53; factor *= 128) {
    const byte = byteOf(cursor)
    value += (byte & 127) * factor
    if (byte < 128) return value
  }
  throw new Error('a page whose header has a number that is too long')
}

const zigzag = (value: number): number => (value % 2 === 0 ? value / 2 : -(value + 1) / 2)
