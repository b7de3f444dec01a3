// File functions of Node. A browser can import this module; calling its functions there throws a typed error.

import { type FileIn, hasFiles } from '@cola/data'
import type { SafetensorsFile } from '@cola/graph'
import { type Check, checkValue } from '@cola/graph/options'
import { paths } from './builtins.ts'
import { filesOf, readSafetensors, sinkOf } from './files.ts'

export { hasFiles, sha256 } from '@cola/data'
export { builtin, type FileSystem, fileSystem, type Path, paths } from './builtins.ts'
export { pauses } from './pauses.ts'
export { refuseFolderOf } from './refuse-folder-of.ts'
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
