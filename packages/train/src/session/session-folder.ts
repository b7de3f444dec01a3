// The folder of the ONNX files of open sessions, in Node. Loaded there.

import type { Graph } from '@cola/graph'
import { removeTemporaryFolder, temporaryFolder } from '../files/temporary-folder.ts'
import { writeRunnable } from '../runtime/model-files.ts'

/** A folder for the files of sessions. */
export interface SessionFolder {
  /** Writes graphs that run as they are; their weights are one file. @throws {FileError} when that is not possible. */
  readonly write: (graphs: Readonly<Record<string, Graph>>) => Record<string, { path: string }>
  /** Removes the files, where the folder is temporary. */
  readonly cleanUp: () => void
  /**
   * Removes the files of open sessions now, so that a process that is killed leaves none behind: the runtime has read
   * or mapped them. Windows refuses to remove a mapped file; then it is done at the release.
   */
  readonly cleanUpEarly: () => void
}

/** @param folder Where the files stay. @default a temporary folder */
export function sessionFolder(folder?: string): SessionFolder {
  let temporary = folder === undefined ? temporaryFolder() : undefined
  const place = folder ?? (temporary as string)
  const cleanUp = () => {
    if (temporary !== undefined) removeTemporaryFolder(temporary)
    temporary = undefined
  }
  return {
    write: (graphs) =>
      Object.fromEntries(Object.entries(writeRunnable(place, graphs)).map(([name, path]) => [name, { path }])),
    cleanUp,
    cleanUpEarly() {
      try {
        cleanUp()
      } catch {
        // The release tries again.
      }
    },
  }
}
