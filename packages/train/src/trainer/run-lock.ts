// The lock of a run's folder: a second run would write over the checkpoints of the first.

import type { FileStore, Lock } from '@cola/data'
import { FileError } from '../errors.ts'

/** Stores of runs of this thread, where a store has no lock of its own. */
const running = new WeakSet<object>()

/**
 * Takes the lock of a run's store.
 * @param output What the user gave as `output_dir`, which tells stores apart.
 * @throws {FileError} while another run has it: of any process for a folder, of this thread for another store.
 */
export function lockRun(store: FileStore, output: string | FileStore): Lock | Promise<Lock> {
  if (store.lock) return store.lock('run.lock')
  const key = output as FileStore
  if (running.has(key))
    throw new FileError({
      where: store.where,
      what: 'another run is writing to this store',
      expected: 'one run at a time',
      fix: 'Wait for it to end, or give another store.',
    })
  running.add(key)
  return { touch: () => undefined, release: () => void running.delete(key) }
}
