// Files in memory.

import { requireKind } from '@cola/graph/door'
import { DataError } from '../errors.ts'
import { lfsPointer, longestPointer } from './lfs-pointer.ts'
import { checkFileName } from './file-name.ts'
import { type Files, type FileStore, placeOf, refuseMissing } from './files.ts'

/** Bytes of files by name. */
export type BytesByName = ReadonlyMap<string, Uint8Array> | Readonly<Record<string, Uint8Array>>

/**
 * Files whose bytes are in memory; reading gives views, not copies.
 * @throws {DataError} for a name that is not relative, or a value that is not bytes.
 */
export function memoryFiles(bytes: BytesByName, where = 'memory'): Files {
  requireKind('memoryFiles, bytes', bytes, 'object')
  const entries = bytes instanceof Map ? bytes : new Map(Object.entries(bytes))
  for (const [name, value] of entries) {
    checkFileName(name, where)
    if (!(value instanceof Uint8Array))
      throw new DataError({
        where: `${where}/${name}`,
        what: 'not the bytes of a file',
        expected: 'a Uint8Array',
        found: Object.prototype.toString.call(value).slice(8, -1),
      })
  }
  const files: Files = {
    where,
    names: () => [...entries.keys()].sort(),
    has: (name) => entries.has(name),
    size: (name) => whole(name).length,
    read: (name, begin = 0, end = whole(name).length) => {
      const value = whole(name)
      checkRange(files, name, { begin, end, size: value.length })
      return value.subarray(begin, end)
    },
  }
  const whole = (name: string): Uint8Array => {
    const value = entries.get(name) ?? refuseMissing(files, name)
    refusePointer(files, name, value)
    return value
  }
  return files
}

/** @throws {DataError} for bytes that a file does not have. */
export function checkRange(files: Files, name: string, range: { begin: number; end: number; size: number }): void {
  const { begin, end, size } = range
  if (begin >= 0 && begin <= end && end <= size) return
  throw new DataError({
    where: placeOf(files, name),
    what: `bytes ${begin} to ${end} could not be read`,
    found: `the file ends at byte ${size}`,
  })
}

/** @throws {DataError} for a git-lfs pointer in place of the file. */
export function refusePointer(files: Files, name: string, bytes: Uint8Array): void {
  const problem = bytes.length <= longestPointer ? lfsPointer(bytes, placeOf(files, name)) : undefined
  if (problem) throw new DataError(problem)
}

/** A store in memory. */
export interface MemorySink extends FileStore {
  /** What was written, by name. */
  readonly written: ReadonlyMap<string, Uint8Array>
}

/** Collects files in memory, where they can be read. Chunks are copied: what wrote them may change them. */
export function memorySink(where = 'memory'): MemorySink {
  const written = new Map<string, Uint8Array>()
  return {
    ...memoryFiles(written, where),
    written,
    write(name, chunks) {
      checkFileName(name, where)
      written.set(name, concatenate([...chunks]))
    },
    remove: (name) => void written.delete(name),
  }
}

function concatenate(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}
