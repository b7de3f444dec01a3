// Blobs as files: those that a person picked, and those of the browser's storage. A worker reads parts of them
// synchronously and on demand; a page has no such function, so that a file is read into one buffer when it is fetched.

import { DataError } from '../errors.ts'
import { type Files, placeOf, refuseMissing } from './files.ts'
import { checkRange, refusePointer } from './memory.ts'
import { longestPointer } from './lfs-pointer.ts'

interface SyncReader {
  readAsArrayBuffer(blob: Blob): ArrayBuffer
}

const syncReader = (): SyncReader | undefined => {
  const Reader = (globalThis as { FileReaderSync?: new () => SyncReader }).FileReaderSync
  return Reader && new Reader()
}

/** Files whose bytes are in blobs, by name. @param blobs May grow. */
export function blobFiles(blobs: ReadonlyMap<string, Blob>, where: string): Files {
  const reader = syncReader()
  const loaded = new Map<string, Uint8Array>()
  const blob = (name: string): Blob => blobs.get(name) ?? refuseMissing(files, name)
  const read = (name: string, begin: number, end: number): Uint8Array => {
    const bytes = loaded.get(name)
    if (bytes) return bytes.subarray(begin, end)
    if (reader)
      return attempt(
        files,
        name,
        end - begin,
        () => new Uint8Array(reader.readAsArrayBuffer(blob(name).slice(begin, end))),
      )
    throw new DataError({
      where: placeOf(files, name),
      what: 'the file was not fetched, and outside a worker it cannot be read synchronously',
      fix: 'Name it in the option files of openFiles, or call fetchFiles first.',
    })
  }
  const files: Files = {
    where,
    names: () => [...blobs.keys()].sort(),
    has: (name) => blobs.has(name),
    size: (name) => blob(name).size,
    read: (name, begin = 0, end = blob(name).size) => {
      const { size } = blob(name)
      checkRange(files, name, { begin, end, size })
      if (size <= longestPointer) refusePointer(files, name, read(name, 0, size))
      return read(name, begin, end)
    },
    async fetch(wanted) {
      if (reader) return
      for (const { path } of wanted) {
        const found = blobs.get(path)
        if (found && !loaded.has(path)) loaded.set(path, await load(files, path, found))
      }
    },
  }
  return files
}

/** Reads a blob part by part into one buffer. */
async function load(files: Files, name: string, blob: Blob): Promise<Uint8Array> {
  try {
    const bytes = new Uint8Array(blob.size)
    const part = 2 ** 24
    for (let at = 0; at < bytes.length; at += part)
      bytes.set(new Uint8Array(await blob.slice(at, at + part).arrayBuffer()), at)
    return bytes
  } catch (cause) {
    return unreadable(files, name, cause)
  }
}

function attempt<Result>(files: Files, name: string, bytes: number, work: () => Result): Result {
  try {
    return work()
  } catch (cause) {
    if (bytes >= longestRead) throw tooLarge(files, name, bytes)
    return unreadable(files, name, cause)
  }
}

/** Bytes from which on a browser says of a file that it may not be read. */
const longestRead = 2 ** 31

const tooLarge = (files: Files, name: string, bytes: number): DataError =>
  new DataError({
    where: placeOf(files, name),
    what: 'the file is larger than this browser reads',
    expected: 'at most 2 GB',
    found: `${(bytes / 2 ** 30).toFixed(1)} GB`,
    fix: 'Take a smaller one: that of a model in 4 bits, for instance.',
  })

function unreadable(files: Files, name: string, cause: unknown): never {
  throw new DataError(
    {
      where: placeOf(files, name),
      what: 'the file could not be read',
      found: (cause as Error).message,
      fix: 'It was changed, moved or is too large since it was picked: pick it again.',
    },
    { cause },
  )
}
