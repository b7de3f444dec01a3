// The JSONL log: one object a line. On resume, lines past the checkpoint are dropped, so that the file reads as one
// run.

import { fileSystem, readFile, writeFileAtomic } from '../files/node.ts'

export interface JsonlLog {
  write: (entry: object) => void
}

/** Opens a log at a step: lines of later steps are removed first. @throws {FileError} when it cannot be written. */
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
    return false // Half a line: the process was killed while writing it.
  }
}
