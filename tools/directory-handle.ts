// Handles of files and folders as a page's pickers give them, of bytes in memory. For tests.

import type { DirectoryHandle, FileHandle } from '@cola/data'

export const fileHandle = (file: File): FileHandle => ({ kind: 'file', name: file.name, getFile: async () => file })

/** A folder that can be read. @param entries Bytes by path. */
export function directoryHandle(name: string, entries: Readonly<Record<string, Uint8Array>>): DirectoryHandle {
  const children = new Map<string, DirectoryHandle | FileHandle>()
  for (const [path, bytes] of Object.entries(entries)) {
    const [first, ...rest] = path.split('/') as [string, ...string[]]
    const below = Object.entries(entries).filter(([other]) => other.startsWith(`${first}/`))
    children.set(
      first,
      rest.length
        ? directoryHandle(first, Object.fromEntries(below.map(([other, one]) => [other.slice(first.length + 1), one])))
        : fileHandle(new File([bytes as Uint8Array<ArrayBuffer>], first)),
    )
  }
  return {
    kind: 'directory',
    name,
    async *[Symbol.asyncIterator]() {
      yield* children
    },
  } as unknown as DirectoryHandle
}
