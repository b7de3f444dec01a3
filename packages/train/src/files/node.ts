// File functions of Node. A browser can import this module; calling its functions there throws a typed error.

import { safetensorsHeaderLength, parseSafetensorsHeader, type SafetensorsFile, type Tensor } from '@cola/graph'
import { lfsPointer, longestPointer, pickleFix } from '@cola/data'
import { ConfigError, FileError } from '../errors.ts'

type FileSystem = typeof import('node:fs')
type Path = typeof import('node:path')

interface WithBuiltins {
  process?: { getBuiltinModule?: (name: string) => unknown; pid: number }
}

function builtin<Module>(name: string): Module {
  const module = (globalThis as WithBuiltins).process?.getBuiltinModule?.(name)
  if (!module)
    throw new FileError({
      where: name,
      what: 'this environment has no files',
      fix: 'Pass bytes instead of a path in a browser; use Node 20.16 or later.',
    })
  return module as Module
}

/** node:fs. @throws {FileError} outside Node. */
export const fileSystem = (): FileSystem => builtin<FileSystem>('node:fs')

/** node:path. @throws {FileError} outside Node. */
export const paths = (): Path => builtin<Path>('node:path')

/** Whether this environment has files. */
export const hasFiles = (): boolean => Boolean((globalThis as WithBuiltins).process?.getBuiltinModule?.('node:fs'))

/** Creates a new temporary folder. @throws {FileError} outside Node. */
export const temporaryFolder = (): string =>
  fileSystem().mkdtempSync(paths().join(builtin<typeof import('node:os')>('node:os').tmpdir(), 'cola-'))

let writes = 0

/**
 * Writes a file as a whole or not at all: to a temporary file beside it, which is flushed to disk and then renamed.
 * @throws {FileError} naming the file (a full disk, a folder that cannot be written); no partial file remains.
 */
export function writeFileAtomic(path: string, content: string | Uint8Array | Iterable<Uint8Array>): void {
  const fs = fileSystem()
  let opened = false
  const temporary = `${path}.${(globalThis as WithBuiltins).process?.pid}-${++writes}.tmp`
  try {
    fs.mkdirSync(paths().dirname(path), { recursive: true })
    const file = fs.openSync(temporary, 'w')
    opened = true
    try {
      const chunks =
        typeof content === 'string'
          ? [new TextEncoder().encode(content)]
          : content instanceof Uint8Array
            ? [content]
            : content
      for (const chunk of chunks) writeAll(fs, file, chunk)
      fs.fsyncSync(file)
    } finally {
      fs.closeSync(file)
    }
    fs.renameSync(temporary, path)
  } catch (cause) {
    if (opened) fs.rmSync(temporary, { force: true })
    throw new FileError(
      {
        where: path,
        what: 'the file could not be written',
        found: (cause as Error).message,
        fix: 'Free some space, or choose a folder that can be written.',
      },
      { cause },
    )
  }
}

function writeAll(fs: FileSystem, file: number, chunk: Uint8Array): void {
  for (let at = 0; at < chunk.length; ) at += fs.writeSync(file, chunk, at, Math.min(chunk.length - at, 2 ** 30))
}

/** Reads a whole file. @throws {FileError} naming the file, also if it is a git-lfs pointer. */
export function readFile(path: string): Uint8Array {
  let bytes: Uint8Array
  try {
    bytes = fileSystem().readFileSync(path)
  } catch (cause) {
    throw new FileError({ where: path, what: 'the file could not be read', found: (cause as Error).message }, { cause })
  }
  refusePointer(path, bytes)
  return bytes
}

function refusePointer(path: string, bytes: Uint8Array): void {
  const problem = bytes.length <= longestPointer ? lfsPointer(bytes, path) : undefined
  if (problem) throw new FileError(problem)
}

/** Size of a file in bytes. @throws {FileError} when it does not exist or is a git-lfs pointer. */
export function fileSize(path: string): number {
  let size: number
  try {
    size = fileSystem().statSync(path).size
  } catch (cause) {
    throw new FileError({ where: path, what: 'the file could not be read', found: (cause as Error).message }, { cause })
  }
  if (size <= longestPointer) refusePointer(path, readRange(path, 0, size))
  return size
}

/** The parsed contents of a JSON file. @throws {FileError | ConfigError} naming it. */
export function readJson(path: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(readFile(path)))
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
    throw new ConfigError({ where: path, what: 'not JSON', found: cause.message }, { cause })
  }
}

/** SHA-256 of concatenated chunks, in hexadecimal. */
export function sha256(chunks: Iterable<string | Uint8Array>): string {
  const hash = builtin<typeof import('node:crypto')>('node:crypto').createHash('sha256')
  for (const chunk of chunks) hash.update(chunk)
  return hash.digest('hex')
}

/** Reads the bytes `begin` to `end` (exclusive) of a file. @throws {FileError} naming it. */
export function readRange(path: string, begin: number, end: number): Uint8Array {
  const fs = fileSystem()
  const bytes = new Uint8Array(end - begin)
  try {
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
  } catch (cause) {
    throw new FileError(
      { where: path, what: `bytes ${begin} to ${end} could not be read`, found: (cause as Error).message },
      { cause },
    )
  }
  return bytes
}

function refuseMissing(path: string): void {
  if (fileSystem().existsSync(path)) return
  const { basename, dirname } = paths()
  const [folder, name] = [dirname(path), basename(path)]
  const names = fileSystem().existsSync(folder) ? fileSystem().readdirSync(folder) : []
  const fix = pickleFix(name, names, { folder })
  throw new FileError({
    where: path,
    what: 'no such file',
    found: names.slice(0, 12).join(', ') || 'no files',
    ...(fix ? { fix } : {}),
  })
}

/**
 * Opens a safetensors file: the header is read and checked, tensors are read on demand.
 * @throws {FormatError | FileError} naming the file and the tensor; if only pickled weights exist, with the Python code
 * that converts them.
 */
export function readSafetensorsFile(path: string): SafetensorsFile {
  refuseMissing(path)
  const size = fileSize(path)
  const length = safetensorsHeaderLength(readRange(path, 0, Math.min(8, size)), size, path)
  const { entries, metadata } = parseSafetensorsHeader(readRange(path, 8, 8 + length), size, path)
  const tensors = new Map<string, Tensor>()
  for (const { name, dtype, dims, begin, end } of entries)
    tensors.set(name, { dtype, dims, bytes: () => readRange(path, begin, end) })
  return { tensors, metadata }
}
