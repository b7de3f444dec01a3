// A checkpoint is one safetensors file: parameters and optimizer state as tensors, the rest as JSON in its metadata.

import { safetensorsChunks, type Tensor } from '@cola/graph'
import { CheckpointError } from '../errors.ts'
import { readSafetensorsFile, writeFileAtomic } from '../files/node.ts'
import type { EpochLog } from './callbacks.ts'

/** Where a run stands, beside its tensors. */
export interface RunState {
  version: 1
  /** What must be equal for a resumed run to be the same run. */
  fingerprint: string
  /** Optimizer steps taken. */
  step: number
  /** Batches run, which the dropout generator is keyed by. */
  batches: number
  /** Epoch under way, from 0, and batches of it done. */
  epoch: number
  batch: number
  /** Sums of this epoch so far. */
  epochSums: EpochSums
  history: EpochLog[]
  best?: { epoch: number; value: number }
}

export interface EpochSums {
  loss: number
  rows: number
  predictions: number[]
  labels: number[]
}

/** Writes a checkpoint atomically. @throws {FileError} naming the file. */
export function saveCheckpoint(path: string, tensors: ReadonlyMap<string, Tensor>, state: RunState): void {
  writeFileAtomic(path, safetensorsChunks(tensors, { format: 'pt', state: JSON.stringify(state) }))
}

/**
 * Reads a checkpoint.
 * @throws {FormatError | FileError} for damaged files, {CheckpointError} for safetensors that are no checkpoint.
 */
export function loadCheckpoint(path: string): { tensors: Map<string, Tensor>; state: RunState } {
  const { tensors, metadata } = readSafetensorsFile(path)
  const state = parseState(metadata.state)
  if (state?.version !== 1)
    throw new CheckpointError({
      where: path,
      what: 'not a checkpoint of this library',
      expected: 'a run state of version 1 in the metadata',
      found: metadata.state?.slice(0, 60) ?? 'none',
    })
  return { tensors, state }
}

function parseState(text: string | undefined): RunState | undefined {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as RunState)
  } catch {
    return undefined
  }
}
