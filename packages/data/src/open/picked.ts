// What a person picked: files, or a folder, as blobs by name.

import { DataError } from '../errors.ts'
import type { DirectoryHandle } from '../files/handles.ts'
import { blobsBelow } from '../files/private-folder.ts'

interface Picked {
  where: string
  files: Map<string, Blob>
}

/** The blobs of picked files or of a picked folder; undefined for other sources. */
export async function pickedFiles(source: unknown): Promise<Picked | undefined> {
  if (source instanceof Blob) return listed([source])
  if (isDirectory(source)) return { where: source.name, files: new Map(await blobsBelow(source)) }
  const list =
    typeof source === 'object' && source !== null && 'length' in source ? Array.from(source as ArrayLike<unknown>) : []
  return list.length > 0 && list.every((file) => file instanceof Blob) ? listed(list as Blob[]) : undefined
}

const isDirectory = (source: unknown): source is DirectoryHandle =>
  typeof source === 'object' && source !== null && (source as { kind?: unknown }).kind === 'directory'

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
