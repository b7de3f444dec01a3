// The run that a store holds, if it is the one that is resumed. Loaded when a run is.

import { type FileStore, placeOf } from '@cola/data'
import type { Tensor } from '@cola/graph'
import { CheckpointError } from '../errors.ts'
import { type BestEpoch, bestFile, type RunState } from './checkpoint.ts'
import { otherRun, type RunIdentity } from './other-run.ts'
import { readCheckpoint } from './read-checkpoint.ts'

/** A checkpoint, with the weights of the best epoch before it. */
export interface SavedRun {
  tensors: Map<string, Tensor>
  state: RunState
  best: Map<string, Tensor> | undefined
}

/**
 * Reads the checkpoint of a run.
 * @param run The run that goes on.
 * @throws {CheckpointError} when it belongs to another run; what {@link readCheckpoint} throws.
 */
export function savedRun(store: FileStore, run: RunIdentity): SavedRun {
  const { fingerprint } = run
  const { tensors, state } = readCheckpoint(store)
  if (state.fingerprint !== fingerprint) throw otherRun(store, run, state)
  return { tensors, state, best: state.best && readBest(store, state.best, fingerprint) }
}

/** The best epoch's weights. A kill may have left those of the next best epoch, which the run reaches again. */
function readBest(store: FileStore, { epoch }: BestEpoch, fingerprint: string): Map<string, Tensor> {
  const { tensors, state } = readCheckpoint(store, bestFile)
  if (state.fingerprint === fingerprint && state.best && state.best.epoch >= epoch) return tensors
  throw new CheckpointError({
    where: placeOf(store, bestFile),
    what: 'it belongs to another run',
    expected: `the weights of epoch ${epoch}`,
    found: state.best ? `those of epoch ${state.best.epoch}` : 'no epoch',
    fix: 'Copy the file that was written with the checkpoint, or start the run again.',
  })
}
