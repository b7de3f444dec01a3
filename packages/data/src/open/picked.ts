// What a person picked: files, a zip of them, or a folder.

import { show } from '@cola/graph/options'
import { DataError } from '../errors.ts'
import { blobFiles } from '../files/blobs.ts'
import type { Files } from '../files/files.ts'
import { type DirectoryHandle, type FileHandle, isPicked } from '../files/handles.ts'
import { blobsBelow } from '../files/private-folder.ts'
import type { ZipOptions } from '../files/zip-options.ts'

interface Picked {
  where: string
  files: Map<string, Blob>
}

/** The files that were picked. @throws {DataError} for a file without a name, and for what is no source at all. */
export async function pickedFiles(source: unknown, options: ZipOptions): Promise<Files> {
  const picked = await blobsOf(source)
  if (!picked)
    throw new DataError({
      where: 'source',
      what: 'not a source of files',
      expected: 'a path, the name of a repository, an address, picked files or a folder, or bytes by name',
      found: show(source),
    })
  const [[name, blob] = [], second] = picked.files
  if (blob && !second && name?.endsWith('.zip'))
    return (await import('../files/zip.ts')).zipFiles(new Uint8Array(await blob.arrayBuffer()), name, options)
  return blobFiles(picked.files, picked.where)
}

async function blobsOf(source: unknown): Promise<Picked | undefined> {
  if (isPicked(source)) return listed([await fileOf(source)])
  if (isDirectory(source)) return { where: source.name, files: new Map(await blobsBelow(source)) }
  const list =
    typeof source === 'object' && source !== null && 'length' in source ? Array.from(source as ArrayLike<unknown>) : []
  return list.length > 0 && list.every(isPicked) ? listed(await Promise.all(list.map(fileOf))) : undefined
}

const isDirectory = (source: unknown): source is DirectoryHandle =>
  (source as Partial<DirectoryHandle> | null | undefined)?.kind === 'directory'

const fileOf = async (picked: Blob | FileHandle): Promise<Blob> => (picked instanceof Blob ? picked : picked.getFile())

/** `<input webkitdirectory>` gives paths that begin with the folder's name. */
function listed(blobs: readonly Blob[]): Picked {
  const names = blobs.map((blob) => {
    const { name, webkitRelativePath } = blob as Partial<File>
    if (!name)
      throw new DataError({
        where: 'source',
        what: 'a blob without a name',
        expected: 'a File',
        fix: 'Write new File([blob], name), or give bytes by name.',
      })
    return webkitRelativePath || name
  })
  const [folder] = (names[0] as string).split('/') as [string]
  const shared = names.every((name) => name.startsWith(`${folder}/`))
  const files = new Map(blobs.map((blob, i) => [(names[i] as string).slice(shared ? folder.length + 1 : 0), blob]))
  return { where: shared ? folder : 'picked files', files }
}
