// A folder of the browser's storage, or one that a person picked, to read and write.

import { requireKind } from '@cola/graph/door'
import { DataError } from '../errors.ts'
import type { Files, FileStore } from './files.ts'
import type { DirectoryHandle } from './handles.ts'
import { memorySink } from './memory.ts'
import { blobsBelow, folderOf } from './private-folder.ts'

/**
 * A folder by its handle (OPFS, or picked for writing) as a store, such as for the `output_dir` of a run: its files are
 * read into memory, and what is written is stored by `flush`, each file as a whole or not at all.
 * @throws {DataError} when it cannot be read.
 */
export async function directoryStore(folder: DirectoryHandle): Promise<FileStore> {
  requireKind('directoryStore, folder', folder, 'object')
  const memory = memorySink(folder.name)
  for (const [name, blob] of await blobsBelow(folder))
    memory.write(name, [new Uint8Array(await blob.arrayBuffer().catch((cause) => refused(folder, name, cause)))])
  const waiting = new Set<string>()
  return {
    ...memory,
    write(name, chunks) {
      memory.write(name, chunks)
      waiting.add(name)
    },
    async flush() {
      for (const name of waiting) {
        waiting.delete(name)
        await store(folder, name, memory.read(name)).catch((error) => {
          waiting.add(name)
          throw error
        })
      }
    },
  }
}

/**
 * Copies files to a folder by its handle: of the browser's storage, or one that a person picked for writing.
 * @throws {DataError} naming the file: no permission, storage that is full.
 */
export async function copyFiles(files: Files, folder: DirectoryHandle): Promise<void> {
  requireKind('copyFiles, files', files, 'object')
  for (const name of files.names()) await store(folder, name, files.read(name))
}

const store = (folder: DirectoryHandle, name: string, bytes: Uint8Array): Promise<unknown> =>
  folderOf(folder)
    .write(name, [bytes as Uint8Array<ArrayBuffer>])
    .catch((cause) => refused(folder, name, cause))

function refused(folder: DirectoryHandle, name: string, cause: Error): never {
  throw new DataError(
    {
      where: `${folder.name}/${name}`,
      what: 'the folder refuses',
      found: cause.message,
      fix: 'Free some space, or allow the page to read and write there.',
    },
    { cause },
  )
}
