// The JSONL log of a run: one object per line. On resume, lines past the checkpoint are removed, so that the file is
// the log of one run.

import type { FileStore } from '@cola/data'
import { writeText } from '../files/files.ts'

export interface JsonlLog {
  write: (entry: object) => void
  /** Stores the lines, where a store does not take them one by one. */
  save: () => void
}

/** Opens a log at a step and removes lines of later steps. @throws {FileError} when it cannot be written. */
export function openLog(store: FileStore, name: string, step: number): JsonlLog {
  const lines = store.has(name)
    ? new TextDecoder()
        .decode(store.read(name))
        .split('\n')
        .filter((line) => isBefore(line, step))
    : []
  const save = () => writeText(store, name, lines.map((line) => `${line}\n`).join(''))
  save()
  if (store.append)
    return {
      write: (entry) => store.append?.(name, new TextEncoder().encode(`${JSON.stringify(entry)}\n`)),
      save: () => undefined,
    }
  return { write: (entry) => lines.push(JSON.stringify(entry)), save }
}

function isBefore(line: string, step: number): boolean {
  try {
    return (JSON.parse(line) as { step: number }).step <= step && step > 0
  } catch {
    return false // An incomplete line: the process was killed while writing it.
  }
}
