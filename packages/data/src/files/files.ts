// What is read and what is written, wherever it lies: a folder, memory, the browser's storage, a hub.

import { requireKind } from '@cola/graph/door'
import { DataError } from '../errors.ts'

/** A file that an opener needs, by its name in the folder or repository. */
export interface WantedFile {
  path: string
  /** Whether it may be absent. @default false */
  optional?: boolean
}

/**
 * A folder that is read synchronously. Names are relative and separated by `/`, such as `onnx/model.onnx`.
 * `openFiles` makes one of every `Source`; {@link fetchFiles} brings the files that are to be read.
 */
export interface Files {
  /** What was opened, for messages: a path, an address, the name of a repository. */
  readonly where: string
  /** The names that are known, sorted. A hub's or an address's are those that were fetched. */
  names(): readonly string[]
  /** Whether the file is there. */
  has(name: string): boolean
  /** In bytes. @throws {DataError} when it does not exist, or is a git-lfs pointer. */
  size(name: string): number
  /**
   * The bytes `begin` to `end` (exclusive), or the whole file. They are not to be changed.
   * @throws {DataError} when the file does not exist, ends earlier, is a git-lfs pointer or was not fetched.
   */
  read(name: string, begin?: number, end?: number): Uint8Array
  /** Path of a file on the disk, which a runtime can map; absent where files have none. */
  path?(name: string): string
  /** Brings files to where they can be read at once; absent where they are already. */
  fetch?(wanted: readonly WantedFile[]): Promise<void>
}

/** Where files are written: a folder, memory, a folder that a person picked. */
export interface FileSink {
  /** For messages. */
  readonly where: string
  /** Writes a file as a whole, in place of one of the same name. @throws {DataError} naming the file. */
  write(name: string, chunks: Iterable<Uint8Array>): void
  /** Adds to the end of a file; absent where files are only written as a whole. @throws {DataError} naming the file. */
  append?(name: string, chunk: Uint8Array): void
  /** Removes a file, if it is there; absent where files stay. @throws {DataError} naming the file. */
  remove?(name: string): void
  /** Waits until everything is stored; absent where `write` stores at once. @throws {DataError} naming the file. */
  flush?(): Promise<void>
}

/** A folder that is both read and written. */
export interface FileStore extends Files, FileSink {
  /**
   * Takes the lock of a run that writes here; absent where only this process can write.
   * @throws {DataError} when a living process has it.
   */
  lock?(name: string): Lock | Promise<Lock>
}

/** A lock that is held. */
export interface Lock {
  /** Tells other machines, which cannot see this process, that it lives. */
  touch(): void
  /** Gives the lock back. */
  release(): void
}

/** The place of a file, for messages: its path on the disk, or its name after that of the folder. */
export const placeOf = (files: Files, name: string): string => {
  requireKind('placeOf, files', files, 'object')
  return files.path?.(name) ?? `${files.where.replace(/\/+$/, '')}/${name}`
}

/**
 * Brings files to where they can be read at once.
 * @throws {DataError | HubError} naming a file that is not optional and does not exist, with the names beside it.
 */
export async function fetchFiles(files: Files, wanted: readonly WantedFile[]): Promise<void> {
  requireKind('fetchFiles, files', files, 'object')
  await files.fetch?.(wanted)
  for (const { path, optional } of wanted) if (!optional && !files.has(path)) refuseMissing(files, path)
}

/** @throws {DataError} that a file is missing, with the names beside it. */
export function refuseMissing(files: Files, name: string): never {
  const names = files.names()
  throw new DataError({
    where: placeOf(files, name),
    what: 'no such file',
    found: `${names.slice(0, 12).join(', ')}${names.length > 12 ? ', ...' : ''}` || 'no files',
    // Repositories have an ONNX file in a folder, and what is beside it in the one above.
    ...(/(^|[\\/])onnx$/.test(files.where) ? { fix: 'Give the folder above onnx.' } : {}),
  })
}
