// A folder of the browser's origin private file system, or one that a person picked.

import type { DirectoryHandle, FileHandle } from './handles.ts'

export interface PrivateFolder {
  /** A file, by its path; undefined if there is none. */
  file(path: string): Promise<File | undefined>
  /** The text of a file; undefined if there is none. */
  read(path: string): Promise<string | undefined>
  /** Writes a file as a whole, and gives it back. @throws the browser's error: storage that is full, or refused. */
  write(path: string, chunks: readonly Uint8Array<ArrayBuffer>[]): Promise<File>
  /** Removes a file or a folder, if it is there. */
  remove(path: string): Promise<void>
}

/** Opens, and creates, a folder of the origin. @throws the browser's error where it has no such storage. */
export async function openFolder(path: string): Promise<PrivateFolder> {
  if (!globalThis.navigator?.storage?.getDirectory) throw new Error('no storage outside a secure context')
  return folderOf(await descend(await navigator.storage.getDirectory(), path.split('/'), true))
}

/** A folder by its handle. */
export function folderOf(root: DirectoryHandle): PrivateFolder {
  const place = async (path: string, create: boolean): Promise<[DirectoryHandle, string]> => {
    const parts = path.split('/')
    const name = parts.pop() as string
    return [await descend(root, parts, create), name]
  }
  const file = async (path: string): Promise<File | undefined> => {
    try {
      const [folder, name] = await place(path, false)
      return await (await folder.getFileHandle(name)).getFile()
    } catch (error) {
      if (isAbsent(error)) return undefined
      throw error
    }
  }
  return {
    file,
    read: async (path) => (await file(path))?.text(),
    async write(path, chunks) {
      const [folder, name] = await place(path, true)
      const handle = await folder.getFileHandle(name, { create: true })
      try {
        await writeFile(handle, chunks)
      } catch (error) {
        // A file that was there stays as it was; a new one would be empty.
        if ((await handle.getFile()).size === 0) await folder.removeEntry(name).catch(() => undefined)
        throw error
      }
      return handle.getFile()
    },
    async remove(path) {
      try {
        const [folder, name] = await place(path, false)
        await folder.removeEntry(name, { recursive: true })
      } catch (error) {
        if (!isAbsent(error)) throw error
      }
    },
  }
}

const isAbsent = (error: unknown): boolean => ['NotFoundError', 'TypeMismatchError'].includes((error as Error).name)

async function descend(root: DirectoryHandle, parts: readonly string[], create: boolean): Promise<DirectoryHandle> {
  let folder = root
  for (const part of parts) folder = await folder.getDirectoryHandle(part, { create })
  return folder
}

interface SyncHandle {
  truncate(size: number): void
  write(bytes: Uint8Array, options: { at: number }): number
  flush(): void
  close(): void
}

/** Workers of Safari before 26 have no writable streams, but synchronous handles. */
async function writeFile(handle: FileHandle, chunks: readonly Uint8Array<ArrayBuffer>[]): Promise<void> {
  if ('createWritable' in handle) {
    const writable = await (handle as FileSystemFileHandle).createWritable()
    try {
      for (const chunk of chunks) await writable.write(chunk)
    } catch (error) {
      await writable.abort().catch(() => undefined)
      throw error
    }
    return writable.close()
  }
  const open = (handle as unknown as { createSyncAccessHandle(): Promise<SyncHandle> }).createSyncAccessHandle
  const sync = await open.call(handle)
  try {
    sync.truncate(0)
    let at = 0
    for (const chunk of chunks) at += sync.write(chunk, { at })
    sync.flush()
  } finally {
    sync.close()
  }
}

/** All files below a folder, by their paths. */
export async function blobsBelow(folder: DirectoryHandle, prefix = ''): Promise<[string, Blob][]> {
  const found: [string, Blob][] = []
  // lib.dom types no iteration of handles.
  for await (const [name, handle] of folder as unknown as AsyncIterable<[string, DirectoryHandle | FileHandle]>)
    if (handle.kind === 'file') {
      // Chromium's files that are being written.
      if (!name.endsWith('.crswap')) found.push([`${prefix}${name}`, await handle.getFile()])
    } else found.push(...(await blobsBelow(handle, `${prefix}${name}/`)))
  return found
}
