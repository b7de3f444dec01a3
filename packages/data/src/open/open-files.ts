// Opens what a model, a tokenizer, an adapter or a table is read from, wherever it lies.

import { type Checks, checkOptions, list } from '@cola/graph/options'
import { fetchFiles, type Files, type WantedFile } from '../files/files.ts'
import type { DirectoryHandle, FileHandle } from '../files/handles.ts'
import { type BytesByName, memoryFiles } from '../files/memory.ts'
import { type ZipOptions, zipChecks } from '../files/zip-options.ts'
import { hubChecks, type HubOptions } from '../hub/hub-options.ts'

/**
 * Where files are read from: the path or `file:` URL of a folder (Node), or the name of a repository on the hub; the
 * address of a folder, which in a browser may be a path, from where the page is: `/models`, `./models`; files, a zip of
 * them or a folder that a person picked; bytes by name; or files that are open already.
 */
export type Source =
  | string
  | URL
  | Blob
  | FileHandle
  | ArrayLike<File | FileHandle>
  | DirectoryHandle
  | BytesByName
  | Files

/** How a source is read: options of the hub, and of zips. */
export interface SourceOptions extends HubOptions, ZipOptions {}

/** Options of {@link openFiles}. */
export interface OpenFilesOptions extends SourceOptions {
  /** The files to bring. @default all that are picked; none of a hub's or an address's */
  files?: readonly (string | WantedFile)[]
}

/** Checks of {@link SourceOptions}. */
export const sourceChecks: Checks<SourceOptions> = { ...hubChecks, ...zipChecks }

/** Checks of {@link OpenFilesOptions}. */
export const openFilesChecks: Checks<OpenFilesOptions> = { ...sourceChecks, files: list }

/**
 * Opens a source and brings the files that are wanted; `fetchFiles` brings more of them later.
 * @throws {DataError | HubError} naming what is not there, or cannot be reached; {ConfigError} for an option that is
 * unknown or out of its range.
 */
export async function openFiles(source: Source, options: OpenFilesOptions = {}): Promise<Files> {
  checkOptions('openFiles', options, openFilesChecks)
  const { files: wanted, ...reading } = options
  const files = await filesOf(source, reading)
  const names = wanted ?? files.names()
  await fetchFiles(
    files,
    names.map((file) => (typeof file === 'string' ? { path: file } : file)),
  )
  return files
}

/** Whether a value is {@link Files} that are open. */
export const isFiles = (value: unknown): value is Files =>
  typeof value === 'object' && value !== null && typeof (value as Partial<Files>).read === 'function'

async function filesOf(source: Source, options: SourceOptions): Promise<Files> {
  if (isFiles(source)) return source
  if (isBytes(source)) return memoryFiles(source)
  // What downloads, and what a person picks, is loaded when it is needed: bundles have parts of their own for them.
  if (typeof source === 'string' || source instanceof URL)
    return (await import('./named-files.ts')).namedFiles(source, options)
  return (await import('./picked.ts')).pickedFiles(source, options)
}

/** A record without bytes is an object of another kind: options, where the source was left out. */
const isBytes = (source: Source): source is BytesByName =>
  source instanceof Map ||
  (source?.constructor === Object && Object.values(source).some((value) => value instanceof Uint8Array))
