// The JSONL log of a run: one object per line. On resume it is brought to the state of the checkpoint, so that the file
// is the log of one run: lines past it are removed, and epochs that a kill kept from it are added.

import type { FileStore } from '@cola/data'
import { writeText } from '../files/files.ts'
import type { EpochLog } from './callbacks.ts'

export interface JsonlLog {
  write: (entry: object) => void
  /** Stores the lines, where a store does not take them one by one. */
  save: () => void
}

/** The state of the run when its log is opened. */
interface LogState {
  step: number
  /** The epochs that have ended. */
  history: readonly EpochLog[]
}

/** Opens a log at a state of its run. @throws {FileError} when it cannot be written. */
export function openLog(store: FileStore, name: string, { step, history }: LogState): JsonlLog {
  const old = step > 0 && store.has(name) ? new TextDecoder().decode(store.read(name)).split('\n') : []
  const lines = withEpochs(
    old.flatMap((line) => entryOf(line) ?? []).filter((entry) => entry.step <= step && entry.event !== 'epoch'),
    history,
  ).map((entry) => JSON.stringify(entry))
  const save = () => writeText(store, name, lines.map((line) => `${line}\n`).join(''))
  save()
  if (store.append)
    return {
      write: (entry) => store.append?.(name, new TextEncoder().encode(`${JSON.stringify(entry)}\n`)),
      save: () => undefined,
    }
  return { write: (entry) => lines.push(JSON.stringify(entry)), save }
}

interface Entry {
  event: string
  step: number
}

/** The entry of a line; undefined for an incomplete one: the process was killed while writing it. */
function entryOf(line: string): Entry | undefined {
  try {
    const entry = JSON.parse(line) as Entry | null
    return typeof entry?.step === 'number' ? entry : undefined
  } catch {
    return undefined
  }
}

/** The entries with each epoch after its last step. */
function withEpochs(entries: readonly Entry[], history: readonly EpochLog[]): Entry[] {
  const merged = [...entries, ...history]
  // The sort is stable: of one step, its epoch is last.
  return merged.sort((a, b) => a.step - b.step)
}
