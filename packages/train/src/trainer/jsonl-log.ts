// The JSONL log of a run: one object per line. On resume, lines past the checkpoint are removed, so that the file is
// the log of one run.

import { fileSystem, readFile, writeFileAtomic } from '../files/node.ts'

export interface JsonlLog {
  write: (entry: object) => void
}

/** Opens a log at a step and removes lines of later steps. @throws {FileError} when it cannot be written. */
export function openLog(path: string, step: number): JsonlLog {
  const kept = fileSystem().existsSync(path)
    ? new TextDecoder()
        .decode(readFile(path))
        .split('\n')
        .filter((line) => isBefore(line, step))
    : []
  writeFileAtomic(path, kept.map((line) => `${line}\n`).join(''))
  return { write: (entry) => fileSystem().appendFileSync(path, `${JSON.stringify(entry)}\n`) }
}

function isBefore(line: string, step: number): boolean {
  try {
    return (JSON.parse(line) as { step: number }).step <= step && step > 0
  } catch {
    return false // An incomplete line: the process was killed while writing it.
  }
}
