// A folder of the disk as files, in Node.

import { requireKind } from '@cola/graph/door'
import { show } from '@cola/graph/options'
import { DataError } from '../errors.ts'
import { diskProblem } from './disk-problem.ts'
import { checkFileName, isFileName } from './file-name.ts'
import { type Files, type FileSink, type FileStore, refuseMissing } from './files.ts'
import { longestPointer } from './lfs-pointer.ts'
import { checkRange, refusePointer } from './memory.ts'
import { fileSystem, paths, requireFolders, standIns } from './node.ts'
import { appendFile, writeFileAtomic } from './write-file.ts'

/** The files of a folder. Symbolic links are followed. @throws {DataError} outside Node. */
export function folderFiles(folder: string): Files {
  requirePath(folder, 'files')
  requireKind('folderFiles, folder', folder, 'text')
  const fs = fileSystem()
  const { join } = paths()
  const path = (name: string) => join(folder, name)
  const stat = (name: string) => {
    if (!isFileName(name)) return undefined
    const stats = attempt(path(name), () => fs.statSync(path(name), { throwIfNoEntry: false }))
    return stats?.isFile() ? stats : undefined
  }
  const size = (name: string) => {
    const length = stat(name)?.size ?? refuseMissing(files, name)
    if (length <= longestPointer) refusePointer(files, name, readRange(path(name), 0, length))
    return length
  }
  const files: Files = {
    where: folder,
    names: () => (fs.existsSync(folder) ? attempt(folder, () => namesBelow(folder)) : []),
    has: (name) => stat(name) !== undefined,
    size,
    path,
    read: (name, begin = 0, end) => {
      const length = size(name)
      const range = { begin, end: end ?? length, size: length }
      checkRange(files, name, range)
      return readRange(path(name), begin, range.end)
    },
  }
  return files
}

/** How deep `names` looks: models have files in folders of folders at most. */
const deepest = 3

function namesBelow(folder: string, depth = 1): string[] {
  const entries = fileSystem().readdirSync(folder, { withFileTypes: true })
  return entries
    .flatMap((entry) => {
      if (!entry.isDirectory()) return [entry.name]
      if (depth === deepest) return []
      return namesBelow(paths().join(folder, entry.name), depth + 1).map((name) => `${entry.name}/${name}`)
    })
    .sort()
}

const readRange = (path: string, begin: number, end: number): Uint8Array =>
  attempt(path, () => {
    const fs = fileSystem()
    const bytes = new Uint8Array(end - begin)
    const file = fs.openSync(path, 'r')
    try {
      for (let at = 0; at < bytes.length; ) {
        const count = fs.readSync(file, bytes, at, Math.min(bytes.length - at, 2 ** 30), begin + at)
        if (count === 0) throw new Error(`the file ends at byte ${begin + at}`)
        at += count
      }
    } finally {
      fs.closeSync(file)
    }
    return bytes
  })

/** @throws {DataError} outside Node, for an address, and for an empty path, which Node reads as the current folder. */
function requirePath(folder: string, use: keyof typeof standIns): void {
  requireFolders(folder, use)
  const expected = 'the path of a folder'
  if (/^(file:|https?:\/\/)/i.test(folder))
    throw new DataError({
      where: folder,
      what: 'an address',
      expected,
      fix: 'Of a file: URL, write fileURLToPath(url).',
    })
  if (folder !== '') return
  const found = 'an empty text'
  throw new DataError({ where: 'folder', what: 'no path', expected, found, fix: "The current folder is '.'." })
}

function attempt<Result>(path: string, work: () => Result): Result {
  try {
    return work()
  } catch (cause) {
    throw new DataError(diskProblem(path, 'the file could not be read', cause), { cause })
  }
}

/** Writes files below a folder, each as a whole or not at all. @throws {DataError} outside Node. */
export function folderSink(folder: string): FileSink {
  requirePath(folder, 'sink')
  const { join } = paths()
  return {
    where: folder,
    write(name, chunks) {
      checkFileName(name, folder)
      writeFileAtomic(join(folder, name), chunks)
    },
    append(name, chunk) {
      checkFileName(name, folder)
      appendFile(join(folder, name), chunk)
    },
    remove(name) {
      checkFileName(name, folder)
      attempt(join(folder, name), () => fileSystem().rmSync(join(folder, name), { force: true }))
    },
  }
}

/** A folder that is both read and written. @throws {DataError} outside Node. */
export function folderStore(folder: string): FileStore {
  requirePath(folder, 'store')
  return {
    ...folderFiles(folder),
    ...folderSink(folder),
    // A part of its own in bundles, which pages never fetch.
    lock: async (name) => (await import('./lock.ts')).lockFile(paths().join(folder, name)),
  }
}

/** Files of a path, or those that are open. @throws {DataError} for another value, and for a path outside Node. */
export function filesOf(folder: string | Files): Files {
  if (typeof folder === 'string') return folderFiles(folder)
  return isObjectWith(folder, 'read') ? folder : refuse(folder, 'the path of a folder, or files', standIns.files)
}

/** A sink for a path, or the one that is given. @throws {DataError} for another value, and for a path outside Node. */
export function sinkOf(folder: string | FileSink): FileSink {
  if (typeof folder === 'string') return folderSink(folder)
  return isObjectWith(folder, 'write') ? folder : refuse(folder, 'the path of a folder, or a sink', standIns.sink)
}

const isObjectWith = (value: unknown, method: string): boolean =>
  typeof value === 'object' && value !== null && typeof (value as Record<string, unknown>)[method] === 'function'

function refuse(value: unknown, expected: string, fix: string): never {
  throw new DataError({ where: 'folder', what: 'not a folder', expected, found: show(value), fix })
}
