// File functions of Node. A browser can import this module; calling its functions there throws a typed error.

import { type FileIn, hasFiles, nodeModule } from '@cola/data'
import type { SafetensorsFile } from '@cola/graph'
import { type Check, checkValue } from '@cola/graph/options'
import { FileError } from '../errors.ts'
import { filesOf, readSafetensors, sinkOf } from './files.ts'

export { hasFiles, sha256 } from '@cola/data'
export { pauses } from './pauses.ts'
export {
  filesOf,
  flush,
  readJson,
  readSafetensors,
  readSafetensorsHeader,
  sinkOf,
  stored,
  storeOf,
  writeJson,
} from './files.ts'

// Stated here: declarations that name Node's types need @types/node, of one version, in every project that uses them.
/** What the packages use of node:fs. */
export interface FileSystem {
  existsSync(path: string): boolean
  mkdirSync(path: string, options: { recursive: true }): string | undefined
  mkdtempSync(prefix: string): string
  rmSync(path: string, options: { recursive: true; force: true }): void
}
/** What the packages use of node:path. */
export interface Path {
  basename(path: string): string
  dirname(path: string): string
  join(...parts: string[]): string
  relative(from: string, to: string): string
  resolve(...parts: string[]): string
}

/** A module of Node. @throws {FileError} outside Node. */
export function builtin<Module>(name: string): Module {
  const module = nodeModule<Module>(name)
  if (!module)
    throw new FileError({
      where: name,
      what: 'only Node has it',
      fix: 'Use Node 20.19 or later.',
    })
  return module
}

/** node:fs. @throws {FileError} outside Node. */
export const fileSystem = (): FileSystem => builtin<FileSystem>('node:fs')

/** node:path. @throws {FileError} outside Node. */
export const paths = (): Path => builtin<Path>('node:path')

/** A path's folder and file name. A page has neither: what opens the folder says so of the whole path. */
export const split = (path: string): [folder: string, name: string] =>
  hasFiles() ? [paths().dirname(path), paths().basename(path)] : [path, '']

/**
 * Writes a file as a whole or not at all: to a temporary file beside it, which is flushed to disk and then renamed.
 * @throws {FileError} naming the file (a full disk, a folder that cannot be written); no partial file remains.
 */
export function writeFileAtomic(path: string, content: string | Uint8Array | Iterable<Uint8Array>): void {
  const [folder, name] = split(path)
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content
  sinkOf(folder).write(name, bytes instanceof Uint8Array ? [bytes] : bytes)
}

/** Reads a whole file. @throws {FileError} naming the file, also if it is a git-lfs pointer. */
export function readFile(path: string): Uint8Array {
  const [folder, name] = split(path)
  return filesOf(folder).read(name)
}

const fileCheck: Check = [
  'the path of a file, or what openFileIn gives',
  (value) => typeof value === 'string' || typeof (value as Partial<FileIn> | null)?.files?.read === 'function',
  () => "Of any other source, give await openFileIn(source, '*.safetensors').",
]

/**
 * Opens a safetensors file: the header is read and checked, tensors are read on demand.
 * @param source Its path; of what has to be fetched first, or was picked, `await openFileIn(source, '*.safetensors')`.
 * @throws {FormatError | FileError} naming the file and the tensor; if only pickled weights exist, with the Python code
 * that converts them.
 */
export function readSafetensorsFile(source: string | FileIn): SafetensorsFile {
  checkValue('readSafetensorsFile, source', source, fileCheck)
  if (typeof source !== 'string') return readSafetensors(source.files, source.name)
  const [folder, name] = split(source)
  return readSafetensors(filesOf(folder), name)
}
