// Reads and writes files wherever they lie, with this package's errors.

import {
  copyFiles,
  DataError,
  type DirectoryHandle,
  type Files,
  type FileSink,
  type FileStore,
  HubError,
  filesOf as dataFilesOf,
  folderStore,
  memorySink,
  type MemorySink,
  pickleFix,
  placeOf,
  sinkOf as dataSinkOf,
} from '@cola/data'
import {
  parseSafetensorsHeader,
  type SafetensorsFile,
  type SafetensorsHeader,
  safetensorsHeaderLength,
  type Tensor,
} from '@cola/graph'
import { ConfigError, FileError } from '../errors.ts'

/** @throws {FileError} in place of a {@link DataError}, with its problem. */
function attempt<Result>(work: () => Result): Result {
  try {
    return work()
  } catch (cause) {
    throw asFileError(cause)
  }
}

/** As {@link attempt}, for what is done later. */
const attemptLater = <Result>(work: () => Promise<Result>): Promise<Result> =>
  work().catch((cause) => {
    throw asFileError(cause)
  })

const asFileError = (cause: unknown): unknown =>
  cause instanceof DataError && !(cause instanceof HubError) ? new FileError(cause.problem, { cause }) : cause

/** The files of a path, or those that are open; what cannot be read is a {@link FileError}. */
export function filesOf(source: string | Files): Files {
  const files = attempt(() => dataFilesOf(source))
  return {
    where: files.where,
    names: () => files.names(),
    has: (name) => files.has(name),
    size: (name) => attempt(() => files.size(name)),
    read: (name, begin, end) => attempt(() => files.read(name, begin, end)),
    ...(files.path ? { path: (name: string) => files.path?.(name) as string } : {}),
    ...(files.fetch ? { fetch: async (wanted) => files.fetch?.(wanted) } : {}),
  }
}

/** A sink for a path, or the one that is given; what cannot be written is a {@link FileError}. */
export function sinkOf(target: string | FileSink): FileSink {
  const sink = attempt(() => dataSinkOf(target))
  return {
    where: sink.where,
    write: (name, chunks) => attempt(() => sink.write(name, chunks)),
    ...(sink.remove ? { remove: (name) => attempt(() => sink.remove?.(name)) } : {}),
    ...(sink.append ? { append: (name, chunk) => attempt(() => sink.append?.(name, chunk)) } : {}),
    ...(sink.flush ? { flush: () => attemptLater(async () => sink.flush?.()) } : {}),
  }
}

/** A store for a path, or the one that is given, with the errors of {@link filesOf} and {@link sinkOf}. */
export function storeOf(target: string | FileStore): FileStore {
  const store = typeof target === 'string' ? attempt(() => folderStore(target)) : target
  const files = filesOf(store)
  const lock = store.lock?.bind(store)
  return {
    ...files,
    ...sinkOf(store),
    ...(lock ? { lock: (name: string) => attemptLater(async () => lock(name)) } : {}),
  }
}

/** Waits until everything that was written to a path or a sink is stored. @throws {DataError} naming the file. */
export const flush = async (target: string | FileSink): Promise<void> =>
  typeof target === 'string' ? undefined : target.flush?.()

/**
 * Writes to a path, a sink or a folder by its handle, and waits until everything is stored.
 * @throws {DataError} naming the file.
 */
export async function stored<Result>(
  target: string | FileSink | DirectoryHandle,
  write: (target: string | FileSink) => Result | Promise<Result>,
): Promise<Result> {
  const folder = (target as Partial<DirectoryHandle> | null)?.kind === 'directory' && (target as DirectoryHandle)
  const sink = folder ? memorySink(folder.name) : (target as string | FileSink)
  const result = await write(sink)
  await (folder ? copyFiles(sink as MemorySink, folder) : flush(sink))
  return result
}

/** The parsed contents of a JSON file. @throws {FileError | ConfigError} naming it. */
export function readJson(files: Files, name: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(files.read(name)))
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
    throw new ConfigError({ where: placeOf(files, name), what: 'not JSON', found: cause.message }, { cause })
  }
}

/** Writes a text as UTF-8. @throws {FileError} naming the file. */
export const writeText = (sink: FileSink, name: string, text: string): void =>
  sink.write(name, [new TextEncoder().encode(text)])

/** Writes a value as JSON, indented. @throws {FileError} naming the file. */
export const writeJson = (sink: FileSink, name: string, value: unknown): void =>
  writeText(sink, name, `${JSON.stringify(value, null, 2)}\n`)

/**
 * Opens a safetensors file: the header is read and checked, tensors are read on demand.
 * @throws {FormatError | FileError} naming the file and the tensor; if only pickled weights exist, with the Python code
 * that converts them.
 */
export function readSafetensors(files: Files, name: string): SafetensorsFile {
  if (!files.has(name)) refuseMissing(files, name)
  const { entries, metadata } = readSafetensorsHeader(files, name)
  const tensors = new Map<string, Tensor>()
  for (const entry of entries) {
    const { dtype, dims, begin, end } = entry
    tensors.set(entry.name, { dtype, dims, bytes: () => files.read(name, begin, end) })
  }
  return { tensors, metadata }
}

/** A safetensors file's header: where each tensor lies in it. @throws {FormatError | FileError} naming the file. */
export function readSafetensorsHeader(files: Files, name: string): SafetensorsHeader {
  const [size, where] = [files.size(name), placeOf(files, name)]
  const length = safetensorsHeaderLength(files.read(name, 0, Math.min(8, size)), size, where)
  return parseSafetensorsHeader(files.read(name, 8, 8 + length), size, where)
}

function refuseMissing(files: Files, name: string): never {
  const names = files.names()
  const fix = pickleFix(name, names, { folder: files.where })
  throw new FileError({
    where: placeOf(files, name),
    what: 'no such file',
    found: names.slice(0, 12).join(', ') || 'no files',
    ...(fix ? { fix } : {}),
  })
}
