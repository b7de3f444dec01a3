// The files of a folder of the disk, by Node. Browsers get ./no-disk.ts in its place.

import { DataError } from '../errors.ts'
import { diskProblem } from './disk-problem.ts'
import { checkFileName, isFileName } from './file-name.ts'
import { type Files, type FileSink, type FileStore, refuseMissing } from './files.ts'
import { longestPointer } from './lfs-pointer.ts'
import { checkRange, refusePointer } from './memory.ts'
import { fileSystem, paths } from './node.ts'
import { appendFile, writeFileAtomic } from './write-file.ts'

export function filesIn(folder: string): Files {
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

function attempt<Result>(path: string, work: () => Result): Result {
  try {
    return work()
  } catch (cause) {
    throw new DataError(diskProblem(path, 'the file could not be read', cause), { cause })
  }
}

export function sinkIn(folder: string): FileSink {
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

export const storeIn = (folder: string): FileStore => ({
  ...filesIn(folder),
  ...sinkIn(folder),
  lock: async (name) => (await import('./lock.ts')).lockFile(paths().join(folder, name)),
})
