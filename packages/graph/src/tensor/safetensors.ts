// Reads and writes the safetensors format: u64 header length, JSON header, raw little-endian data.
// https://github.com/huggingface/safetensors

import { requireKind } from '../door.ts'
import { FormatError } from '../errors.ts'
import { concatenateChunks } from './concatenate-chunks.ts'
import { dataTypeOfSafetensors, dataTypes } from './dtype.ts'
import { byteLength, type Tensor } from './tensor.ts'

/** The reference implementation's limit. */
const maximumHeaderLength = 100_000_000

/** One tensor of a safetensors header. */
export interface SafetensorsEntry {
  name: string
  dtype: Tensor['dtype']
  dims: number[]
  /** Absolute byte range in the file. */
  begin: number
  end: number
}

/** The parsed header of a safetensors file. */
export interface SafetensorsHeader {
  entries: SafetensorsEntry[]
  metadata: Record<string, string>
}

/** The tensors of a safetensors file, read on demand, and its metadata. */
export interface SafetensorsFile {
  tensors: Map<string, Tensor>
  metadata: Record<string, string>
}

/**
 * Length of the JSON header, checked against the size of the file before anything is allocated for it.
 * @param start At least the first 8 bytes of the file.
 * @throws {FormatError} on a truncated file or a length that the file cannot hold.
 */
export function safetensorsHeaderLength(start: Uint8Array, fileSize: number, where: string): number {
  requireKind('safetensorsHeaderLength, start', start, 'bytes')
  if (start.length < 8 || fileSize < 8) {
    throw new FormatError({
      where,
      what: 'not a safetensors file',
      expected: 'at least 8 bytes',
      found: `${fileSize}`,
      fix: 'The file is truncated: fetch it again.',
    })
  }
  const length = Number(new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true))
  const limit = Math.min(maximumHeaderLength, fileSize - 8)
  if (length < 2 || length > limit) {
    throw new FormatError({
      where,
      what: 'impossible safetensors header length',
      expected: `2 to ${limit}`,
      found: String(length),
      fix: 'The file is truncated or not safetensors (an HTML error page, perhaps): fetch it again.',
    })
  }
  return length
}

/**
 * Parses and validates a safetensors header: types, shapes, byte ranges in bounds, of the right size, without overlaps
 * or holes.
 * @param json The header's bytes (without the 8 length bytes).
 * @throws {FormatError} naming the file, the tensor, and what was expected and found.
 */
export function parseSafetensorsHeader(json: Uint8Array, fileSize: number, where: string): SafetensorsHeader {
  requireKind('parseSafetensorsHeader, json', json, 'bytes')
  const header = parseJson(json, where)
  const dataStart = 8 + json.length
  const { __metadata__: metadata = {}, ...tensors } = header
  const entries = Object.entries(tensors).map(([name, value]) => parseEntry(name, value, dataStart, fileSize, where))
  checkCoverage(entries, dataStart, fileSize, where)
  return { entries, metadata: parseMetadata(metadata, where) }
}

/**
 * Reads safetensors from memory; tensors are views of `bytes`.
 * @throws {FormatError} see {@link parseSafetensorsHeader}.
 */
export function parseSafetensors(bytes: Uint8Array, where = 'safetensors'): SafetensorsFile {
  requireKind('parseSafetensors, bytes', bytes, 'bytes')
  const length = safetensorsHeaderLength(bytes, bytes.length, where)
  const { entries, metadata } = parseSafetensorsHeader(bytes.subarray(8, 8 + length), bytes.length, where)
  const tensors = new Map<string, Tensor>()
  for (const { name, dtype, dims, begin, end } of entries)
    tensors.set(name, { dtype, dims, bytes: () => bytes.subarray(begin, end) })
  return { tensors, metadata }
}

/** The safetensors file as chunks, header first; tensors keep the map's order and are read one at a time. */
export function* safetensorsChunks(
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Record<string, string> = { format: 'pt' },
): Generator<Uint8Array> {
  requireKind('safetensorsChunks, tensors', tensors, 'map')
  const header: Record<string, unknown> = { __metadata__: metadata }
  let offset = 0
  for (const [name, value] of tensors) {
    const end = offset + byteLength(value)
    header[name] = { dtype: safetensorsName(name, value), shape: value.dims, data_offsets: [offset, end] }
    offset = end
  }
  const json = new TextEncoder().encode(JSON.stringify(header))
  const padded = new Uint8Array(8 + Math.ceil(json.length / 8) * 8).fill(0x20)
  new DataView(padded.buffer).setBigUint64(0, BigInt(padded.length - 8), true)
  padded.set(json, 8)
  yield padded
  for (const value of tensors.values()) yield value.bytes()
}

/** @throws {FormatError} for an element type that the format lacks. */
function safetensorsName(name: string, { dtype }: Tensor): string {
  const { safetensors } = dataTypes[dtype]
  if (safetensors === undefined)
    throw new FormatError({
      where: `tensor "${name}"`,
      what: 'safetensors files have no such element type',
      found: dtype,
    })
  return safetensors
}

/** Encodes tensors as a safetensors file in memory. @param metadata @default { format: 'pt' } */
export function serializeSafetensors(
  tensors: ReadonlyMap<string, Tensor>,
  metadata?: Record<string, string>,
): Uint8Array {
  requireKind('serializeSafetensors, tensors', tensors, 'map')
  return concatenateChunks(safetensorsChunks(tensors, metadata))
}

function parseJson(json: Uint8Array, where: string): Record<string, unknown> {
  let parsed: unknown
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json))
  } catch (cause) {
    throw new FormatError(
      { where, what: 'safetensors header is not JSON', fix: 'The file is damaged: fetch it again.' },
      { cause },
    )
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new FormatError({
      where,
      what: 'safetensors header is not an object',
      found: JSON.stringify(parsed).slice(0, 80),
    })
  }
  return parsed as Record<string, unknown>
}

function parseMetadata(metadata: unknown, where: string): Record<string, string> {
  const valid =
    typeof metadata === 'object' &&
    metadata !== null &&
    Object.values(metadata).every((value) => typeof value === 'string')
  if (!valid)
    throw new FormatError({
      where,
      what: '__metadata__ is not a map of strings',
      found: JSON.stringify(metadata)?.slice(0, 80) ?? 'nothing',
    })
  return metadata as Record<string, string>
}

function parseEntry(
  name: string,
  value: unknown,
  dataStart: number,
  fileSize: number,
  where: string,
): SafetensorsEntry {
  const at = `${where}, tensor "${name}"`
  const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Record<string, unknown>
  const type = typeof dtype === 'string' ? dataTypeOfSafetensors(dtype) : undefined
  if (!type)
    throw new FormatError({
      where: at,
      what: 'unknown dtype',
      expected: Object.values(dataTypes)
        .flatMap((row) => row.safetensors ?? [])
        .join(', '),
      found: JSON.stringify(dtype) ?? 'none',
    })
  const dims = wholeNumbers(shape)
  if (!dims)
    throw new FormatError({
      where: at,
      what: 'bad shape',
      expected: 'whole numbers',
      found: JSON.stringify(shape) ?? 'none',
    })
  const range = wholeNumbers(offsets)
  if (range?.length !== 2)
    throw new FormatError({
      where: at,
      what: 'bad data_offsets',
      expected: '[begin, end]',
      found: JSON.stringify(offsets) ?? 'none',
    })
  const [begin, end] = range as [number, number]
  const size = byteLength({ dtype: type, dims })
  if (end - begin !== size)
    throw new FormatError({
      where: at,
      what: 'byte range does not match the shape',
      expected: `${size} bytes for ${dtype}[${dims}]`,
      found: `${end - begin}`,
    })
  if (dataStart + end > fileSize)
    throw new FormatError({
      where: at,
      what: 'data lies outside the file',
      expected: `at most ${fileSize - dataStart}`,
      found: `end ${end}`,
      fix: 'The file is truncated: fetch it again.',
    })
  return { name, dtype: type, dims, begin: dataStart + begin, end: dataStart + end }
}

function wholeNumbers(value: unknown): number[] | undefined {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0) ? (value as number[]) : undefined
}

function checkCoverage(entries: SafetensorsEntry[], dataStart: number, fileSize: number, where: string): void {
  let at = dataStart
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== at)
      throw new FormatError({
        where: `${where}, tensor "${name}"`,
        what: begin < at ? 'data overlaps another tensor' : 'hole before data',
        expected: `begin ${at - dataStart}`,
        found: `${begin - dataStart}`,
      })
    at = end
  }
  if (at !== fileSize)
    throw new FormatError({
      where,
      what: 'bytes after the last tensor',
      expected: `${at} bytes`,
      found: `${fileSize}`,
      fix: 'The file was changed or badly joined: fetch it again.',
    })
}
