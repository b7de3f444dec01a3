// Folders in the browser's own storage (OPFS), read into memory when they are opened and written behind.

import { type FileStore, memorySink } from '@cola/data'

/** A folder of the browser's storage. */
export interface Folder extends FileStore {
  readonly flush: () => Promise<void>
}

type Directory = FileSystemDirectoryHandle

const rootFolder = (): Promise<Directory> => navigator.storage.getDirectory()

async function directory(path: readonly string[], create: boolean): Promise<Directory | undefined> {
  try {
    let found = await rootFolder()
    for (const name of path) found = await found.getDirectoryHandle(name, { create })
    return found
  } catch (error) {
    if (!create) return undefined
    throw error
  }
}

/** Names of the folders in a folder. */
export async function foldersIn(...path: string[]): Promise<string[]> {
  const found = await directory(path, false)
  const names: string[] = []
  for await (const [name, { kind }] of (found as Directory & AsyncIterable<[string, FileSystemHandle]>) ?? [])
    if (kind === 'directory') names.push(name)
  return names
}

export async function removeFolder(...path: string[]): Promise<void> {
  const [name, ...parents] = path.toReversed()
  const parent = await directory(parents.toReversed(), false)
  await parent?.removeEntry(name as string, { recursive: true }).catch(() => undefined)
}

/**
 * Opens a folder, which is made if it is not there.
 * @param onFailure Told when something could not be stored: storage is full or refused. What was written stays in
 * memory.
 */
export async function openFolder(path: readonly string[], onFailure: (error: Error) => void): Promise<Folder> {
  const memory = memorySink(path.join('/'))
  const place = await directory(path, true).catch((error: Error) => {
    onFailure(error)
    return undefined
  })
  for await (const [name, handle] of (place as Directory & AsyncIterable<[string, FileSystemHandle]>) ?? [])
    if (handle.kind === 'file' && !name.endsWith('.crswap'))
      memory.write(name, [new Uint8Array(await (await (handle as FileSystemFileHandle).getFile()).arrayBuffer())])
  let last: Promise<void> = Promise.resolve()
  const store = (name: string) => {
    last = last.then(() => (place ? writeWhole(place, name, memory.read(name)) : undefined)).catch(onFailure)
  }
  return {
    ...memory,
    write: (name, chunks) => {
      memory.write(name, chunks)
      store(name)
    },
    append: (name, chunk) => {
      memory.write(name, memory.has(name) ? [memory.read(name), chunk] : [chunk])
      store(name)
    },
    flush: () => last,
  }
}

/** Writes a file as a whole: a writable stream replaces the file when it is closed. */
async function writeWhole(place: Directory, name: string, bytes: Uint8Array): Promise<void> {
  const stream = await (await place.getFileHandle(name, { create: true })).createWritable()
  try {
    await stream.write(bytes as Uint8Array<ArrayBuffer>)
    await stream.close()
  } catch (error) {
    await stream.abort().catch(() => undefined)
    throw error
  }
}
