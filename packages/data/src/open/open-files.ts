// Opens what a model, a tokenizer, an adapter or a table is read from, wherever it lies.

import { DataError } from '../errors.ts'
import { blobFiles } from '../files/blobs.ts'
import { fetchFiles, type Files, type WantedFile } from '../files/files.ts'
import { folderFiles } from '../files/folder.ts'
import { type BytesByName, memoryFiles } from '../files/memory.ts'
import { isFolder } from '../hub/folder-or-repo.ts'
import { type HubOptions, hubFiles } from '../hub/hub.ts'
import { pickedFiles } from './picked.ts'

/**
 * Where files are read from: the path of a folder (Node) or the name of a repository on the hub; the address of a
 * folder; files or a folder that a person picked; bytes by name; or files that are open already.
 */
export type Source = string | URL | Blob | FileList | readonly File[] | FileSystemDirectoryHandle | BytesByName | Files

/** Options of {@link openFiles}. */
export interface OpenFilesOptions extends HubOptions {
  /** The files to bring. @default all that are picked; none of a hub's or an address's */
  files?: readonly (string | WantedFile)[]
}

/**
 * Opens a source and brings the files that are wanted; `fetchFiles` brings more of them later.
 * @throws {DataError | HubError} naming what is not there, or cannot be reached.
 */
export async function openFiles(source: Source, { files: wanted, ...options }: OpenFilesOptions = {}): Promise<Files> {
  const files = await filesOf(source, options)
  const names = wanted ?? files.names()
  await fetchFiles(
    files,
    names.map((file) => (typeof file === 'string' ? { path: file } : file)),
  )
  return files
}

/** Whether a source is opened files already. */
export const isFiles = (value: unknown): value is Files =>
  typeof value === 'object' && value !== null && typeof (value as Partial<Files>).read === 'function'

async function filesOf(source: Source, options: HubOptions): Promise<Files> {
  if (isFiles(source)) return source
  if (typeof source === 'string')
    return (await isFolder(source)) ? folderFiles(source) : repositoryFiles(source, options)
  const picked = await pickedFiles(source)
  if (picked) return blobFiles(picked.files, picked.where)
  if (isBytes(source)) return memoryFiles(source)
  throw new DataError({
    where: 'source',
    what: 'not a source of files',
    expected: 'a path, the name of a repository, an address, picked files or a folder, or bytes by name',
    found: Object.prototype.toString.call(source).slice(8, -1),
  })
}

/** An empty record is an object of another kind. */
const isBytes = (source: unknown): source is BytesByName =>
  source instanceof Map ||
  (source instanceof Object && Object.getPrototypeOf(source) === Object.prototype && Object.keys(source).length > 0)

/** Files of a repository, in Node: those of the cache's folder, with what is fetched. */
function repositoryFiles(name: string, options: HubOptions): Files {
  let folder: string | undefined
  const files = () => (folder === undefined ? memoryFiles({}, name) : folderFiles(folder))
  return {
    where: name,
    names: () => files().names(),
    has: (file) => files().has(file),
    size: (file) => files().size(file),
    read: (file, begin, end) => files().read(file, begin, end),
    path: (file) => files().path?.(file) ?? `${name}/${file}`,
    async fetch(wanted) {
      const found = await hubFiles(name, wanted, options)
      wanted.forEach(({ path }, i) => {
        const place = found[i]
        if (place) folder = place.slice(0, -path.length - 1)
      })
    },
  }
}
