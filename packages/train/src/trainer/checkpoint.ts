// Writes checkpoints: one safetensors file with parameters and optimizer state as tensors, and the run's state as JSON in
// its metadata.

import { type FileSink, sha256 } from '@cola/data'
import { safetensorsChunks, type Tensor } from '@cola/graph'
import { sinkOf } from '../files/files.ts'
import { split } from '../files/node.ts'
import type { TermSum } from '../session/loss-means.ts'
import type { EpochLog } from './callbacks.ts'
import type { RunParts } from './run-fingerprint.ts'

/** State of a run, besides its tensors. */
export interface RunState {
  version: 2
  /** The fingerprint of the options and the model, which must be equal when the run is resumed. */
  fingerprint: string
  /** What the fingerprint is of, for errors; checkpoints of older versions have none. */
  parts?: RunParts
  /** Optimizer steps taken. */
  step: number
  /** Batches trained: the position of the dropout generator. */
  batches: number
  /** Current epoch, from 0. */
  epoch: number
  /** Batches of the current epoch that are done. */
  batch: number
  /** Sums of this epoch so far. */
  epochSums: EpochSums
  history: EpochLog[]
  best?: BestEpoch
}

/** The best epoch, from 1, and its value of `metric_for_best_model`. */
export interface BestEpoch {
  epoch: number
  value: number
}

export interface EpochSums {
  /** Sums of the loss's terms. */
  terms: readonly TermSum[]
  /** Predictions of the training steps. */
  predictions: unknown[]
  /** Indices of the training rows that they are for. */
  rows: number[]
}

/** Name of a run's checkpoint in its folder. */
export const checkpointFile = 'checkpoint.safetensors'
/** Name of the best epoch's weights beside it. */
export const bestFile = 'best.safetensors'

/** The folder and the name of a file that is given by its path. */
const folderAndName = <Place>(place: string | Place, name: string): [Place | string, string] =>
  typeof place === 'string' ? split(place) : [place, name]

/**
 * Writes a checkpoint atomically.
 * @param target The file's path, or a sink.
 * @param name Its name in a sink. @default 'checkpoint.safetensors'
 * @throws {FileError} naming the file.
 */
export function saveCheckpoint(
  target: string | FileSink,
  tensors: ReadonlyMap<string, Tensor>,
  state: RunState,
  name = checkpointFile,
): void {
  const [folder, file] = folderAndName(target, name)
  const sink = sinkOf(folder)
  const text = JSON.stringify(state, writeNumber)
  const metadata = { format: 'pt', state: text, checksum: checksumOf(tensors, text) }
  sink.write(file, safetensorsChunks(tensors, metadata))
}

/** SHA-256 of a checkpoint's state and tensors. */
export const checksumOf = (tensors: ReadonlyMap<string, Tensor>, state: string): string =>
  sha256(partsOf(tensors, state))

function* partsOf(tensors: ReadonlyMap<string, Tensor>, state: string): Generator<string | Uint8Array> {
  yield state
  for (const [name, { dtype, dims, bytes }] of [...tensors].sort(([a], [b]) => (a < b ? -1 : 1))) {
    yield `\n${name} ${dtype} [${dims}]\n`
    yield bytes()
  }
}

/** Writes NaN and Infinity, which metrics may be and JSON lacks, as objects. */
const writeNumber = (_: string, value: unknown): unknown =>
  typeof value === 'number' && !Number.isFinite(value) ? { number: String(value) } : value
