// Folders in the browser's own storage (OPFS).

import { directoryStore, type FileStore, memorySink } from '@cola/data'

type Directory = FileSystemDirectoryHandle

/** The folder at a path. @throws the browser's error where it is not there, or may not be made. */
export async function folderAt(path: readonly string[], create = false): Promise<Directory> {
  if (!navigator.storage?.getDirectory) throw new Error('this browser has no storage for files (OPFS)')
  let found = await navigator.storage.getDirectory()
  for (const name of path) found = await found.getDirectoryHandle(name, { create })
  return found
}

const existing = (path: readonly string[]): Promise<Directory | undefined> => folderAt(path).catch(() => undefined)

/** Names of the folders in a folder. */
export async function foldersIn(...path: string[]): Promise<string[]> {
  const found = await existing(path)
  const names: string[] = []
  for await (const [name, { kind }] of (found as Directory & AsyncIterable<[string, FileSystemHandle]>) ?? [])
    if (kind === 'directory') names.push(name)
  return names
}

export async function removeFolder(...path: string[]): Promise<void> {
  const [name, ...parents] = path.toReversed()
  const parent = await existing(parents.toReversed())
  await parent?.removeEntry(name as string, { recursive: true }).catch(() => undefined)
}

/**
 * Opens a folder, which is made if it is not there.
 * @param onFailure Told when something could not be stored: storage is full or refused. What was written stays in
 * memory, and is tried again with what is written next.
 */
export async function openFolder(path: readonly string[], onFailure: (error: Error) => void): Promise<FileStore> {
  try {
    const store = await directoryStore(await folderAt(path, true))
    return { ...store, flush: async () => store.flush?.().catch(onFailure) }
  } catch (error) {
    onFailure(error as Error)
    return memorySink(path.join('/'))
  }
}
