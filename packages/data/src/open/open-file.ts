// Opens one file, wherever it lies.

import { checkOptions, show } from '@cola/graph/options'
import { DataError } from '../errors.ts'
import type { Files } from '../files/files.ts'
import type { FileHandle } from '../files/handles.ts'
import { addressOf, decoded } from './address-of.ts'
import { openFiles, sourceChecks, type SourceOptions } from './open-files.ts'

/**
 * Where one file is read from: its path, in a browser from where the page is, or its `file:` URL in Node; its address; or
 * what a person picked.
 */
export type FileSource = string | URL | Blob | FileHandle

/**
 * Opens one file that is not given by its path.
 * @returns The file's folder and its name there.
 * @throws {DataError | HubError} naming the address, or what is no file; {ConfigError} for an option that is unknown or out
 * of its range.
 */
export async function openFile(
  source: FileSource,
  options: SourceOptions = {},
): Promise<{ files: Files; name: string }> {
  checkOptions('openFile', options, sourceChecks)
  const url = addressOf(source)
  if (url) {
    // An encoded slash is no end of a folder: stores of objects have it in their addresses.
    const name = decoded((url.pathname.split('/').at(-1) ?? '').replaceAll(/%2f/gi, '%252F'))
    const folder = new URL('.', url)
    folder.search = url.search
    return { files: await openFiles(folder, { ...options, files: [name] }), name }
  }
  const file = source instanceof Blob ? source : await (source as Partial<FileHandle> | null)?.getFile?.()
  if (!file)
    throw new DataError({
      where: 'source',
      what: 'not a file',
      expected: 'a path, an address, a file that was picked, or bytes',
      found: show(source),
    })
  const { name = 'file' } = file as Partial<File>
  // Bytes, and not the Blob: a zip would be opened.
  return { files: await openFiles({ [name]: new Uint8Array(await file.arrayBuffer()) }), name }
}
