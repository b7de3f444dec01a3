// Reads checkpoints from files that are there, and checks that they are what was written.

import { type Files, placeOf } from '@cola/data'
import type { Tensor } from '@cola/graph'
import { CheckpointError } from '../errors.ts'
import { readSafetensors } from '../files/files.ts'
import { requireFinite } from '../files/require-finite.ts'
import { checkRunState } from './check-run-state.ts'
import { checkpointFile, checksumOf, type RunState } from './checkpoint.ts'

/** A run's tensors, and its state. */
export interface Checkpoint {
  tensors: Map<string, Tensor>
  state: RunState
}

/**
 * Reads a checkpoint without waiting.
 * @throws {FormatError | FileError | CheckpointError} as `loadCheckpoint` does.
 */
export function readCheckpoint(files: Files, name = checkpointFile): Checkpoint {
  const path = placeOf(files, name)
  const { tensors, metadata } = readSafetensors(files, name)
  const state = parseState(metadata.state)
  if (state?.version !== 2)
    throw new CheckpointError({
      where: path,
      what: 'not a checkpoint of this library',
      expected: 'a run state of version 2 in the metadata',
      found: metadata.state?.slice(0, 60) ?? 'none',
    })
  checkRunState(path, state)
  // Checkpoints of earlier versions have none.
  if (metadata.checksum !== undefined && metadata.checksum !== checksumOf(tensors, metadata.state as string))
    throw new CheckpointError({
      where: path,
      what: 'its bytes have changed since it was written',
      expected: `the checksum ${metadata.checksum.slice(0, 16)}...`,
      fix: 'Copy the file again, or go back to another checkpoint.',
    })
  requireFinite(path, tensors)
  return { tensors, state }
}

/** Reads what saveCheckpoint wrote for NaN and Infinity. */
const readNumber = (_: string, value: unknown): unknown => {
  const { number, ...others } = (typeof value === 'object' && value !== null ? value : {}) as { number?: unknown }
  return typeof number === 'string' && Object.keys(others).length === 0 ? Number(number) : value
}

function parseState(text: string | undefined): RunState | undefined {
  try {
    return text === undefined ? undefined : (JSON.parse(text, readNumber) as RunState)
  } catch {
    return undefined
  }
}
