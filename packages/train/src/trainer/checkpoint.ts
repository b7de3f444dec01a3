// A checkpoint is one safetensors file: parameters and optimizer state as tensors, the rest as JSON in its metadata.

import { safetensorsChunks, type Tensor } from '@cola/graph'
import { CheckpointError } from '../errors.ts'
import { requireFinite } from '../files/finite.ts'
import { readSafetensorsFile, writeFileAtomic } from '../files/node.ts'
import type { TermSum } from '../session/means.ts'
import type { EpochLog } from './callbacks.ts'

/** Where a run stands, beside its tensors. */
export interface RunState {
  version: 2
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
  best?: BestEpoch
}

/** The best epoch, from 1, and its value of the metric that decides. */
export interface BestEpoch {
  epoch: number
  value: number
}

export interface EpochSums {
  /** Of each term of the loss. */
  terms: readonly TermSum[]
  /** What the training steps predicted, and of which training rows. */
  predictions: unknown[]
  rows: number[]
}

/** Writes a checkpoint atomically. @throws {FileError} naming the file. */
export function saveCheckpoint(path: string, tensors: ReadonlyMap<string, Tensor>, state: RunState): void {
  writeFileAtomic(path, safetensorsChunks(tensors, { format: 'pt', state: JSON.stringify(state, writeNumber) }))
}

/**
 * Reads a checkpoint.
 * @throws {FormatError | FileError} for damaged files, {CheckpointError} for safetensors that are no checkpoint, or of
 * which a tensor holds NaN or Infinity.
 */
export function loadCheckpoint(path: string): { tensors: Map<string, Tensor>; state: RunState } {
  const { tensors, metadata } = readSafetensorsFile(path)
  const state = parseState(metadata.state)
  if (state?.version !== 2)
    throw new CheckpointError({
      where: path,
      what: 'not a checkpoint of this library',
      expected: 'a run state of version 2 in the metadata',
      found: metadata.state?.slice(0, 60) ?? 'none',
    })
  requireFinite(path, tensors)
  return { tensors, state }
}

/** JSON has no NaN and no Infinity, which metrics may be. */
const writeNumber = (_: string, value: unknown): unknown =>
  typeof value === 'number' && !Number.isFinite(value) ? { number: String(value) } : value

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
