// Temporary folders, which may hold gigabytes of weights, while sessions are opened. They are removed when the process
// exits or throws. What a signal ends runs no JavaScript: its folder is removed when the next one is made. A listener
// would change the program: while weights are written, which blocks, Ctrl-C would wait.

import { sweep, thisOwner } from '@cola/data'
import { builtin, fileSystem, paths } from './node.ts'

/** `cola.PID@HOST-RANDOM` */
const ownedFolder = /^cola\.(\d+@[\w-]+)-\w+$/

const open = new Set<string>()

/** Creates a new temporary folder. @throws {FileError} outside Node. */
export function temporaryFolder(): string {
  const parent = builtin<typeof import('node:os')>('node:os').tmpdir()
  if (open.size === 0) {
    sweep(parent, ownedFolder)
    process.removeListener('exit', removeAll)
    process.on('exit', removeAll)
  }
  const folder = fileSystem().mkdtempSync(paths().join(parent, `cola.${thisOwner()}-`))
  open.add(folder)
  return folder
}

/** Removes a temporary folder. @throws where the system refuses: Windows does while a file of it is mapped. */
export function removeTemporaryFolder(folder: string): void {
  fileSystem().rmSync(folder, { recursive: true, force: true })
  open.delete(folder)
}

function removeAll(): void {
  for (const folder of open) {
    try {
      removeTemporaryFolder(folder)
    } catch {
      // The next process that makes a temporary folder tries again.
    }
  }
}
