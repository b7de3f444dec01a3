// Writes files of the disk: as a whole or not at all, or at their end.

import { DataError } from '../errors.ts'
import { diskProblem } from './disk-problem.ts'
import { fileSystem, paths } from './node.ts'
import { sweep, thisOwner } from './owner.ts'

/** `model.safetensors.PID@HOST-RANDOM.tmp`; earlier versions left the host out. */
const temporaryName = /\.(\d+(?:@[\w-]+)?)-\w+\.tmp$/
const temporaryPath = (path: string): string => `${path}.${thisOwner()}-${Math.random().toString(36).slice(2, 10)}.tmp`

/** Folders that this process has swept. */
const swept = new Set<string>()

/** Removes the temporary files of killed writes, once for each folder. */
function sweepOnce(folder: string): void {
  if (swept.has(folder)) return
  swept.add(folder)
  sweep(folder, temporaryName)
}

/**
 * Writes a temporary file beside the file, flushes it to disk and renames it. The first write in a folder removes the
 * temporary files there that killed processes have left.
 * @throws {DataError} naming the file (a full disk, a folder that cannot be written); no partial file remains.
 */
export function writeFileAtomic(path: string, chunks: Iterable<Uint8Array>): void {
  const fs = fileSystem()
  const temporary = temporaryPath(path)
  const folder = paths().dirname(path)
  let opened = false
  try {
    fs.mkdirSync(folder, { recursive: true })
    sweepOnce(paths().resolve(folder))
    const file = fs.openSync(temporary, 'wx')
    opened = true
    try {
      for (const chunk of chunks) writeAll(file, chunk)
      fs.fsyncSync(file)
    } finally {
      fs.closeSync(file)
    }
    fs.renameSync(temporary, path)
  } catch (cause) {
    if (opened) fs.rmSync(temporary, { force: true })
    unwritable(path, cause)
  }
}

/** Adds to the end of a file, which is created if it does not exist. @throws {DataError} naming the file. */
export function appendFile(path: string, chunk: Uint8Array): void {
  try {
    fileSystem().appendFileSync(path, chunk)
  } catch (cause) {
    unwritable(path, cause)
  }
}

function unwritable(path: string, cause: unknown): never {
  throw new DataError(diskProblem(path, 'the file could not be written', cause), { cause })
}

function writeAll(file: number, chunk: Uint8Array): void {
  const fs = fileSystem()
  for (let at = 0; at < chunk.length; ) at += fs.writeSync(file, chunk, at, Math.min(chunk.length - at, 2 ** 30))
}
