// Reads checkpoints, and checks that they are what was written.

import { type Files, placeOf } from '@cola/data'
import type { Tensor } from '@cola/graph'
import { CheckpointError } from '../errors.ts'
import { filesOf, readSafetensors } from '../files/files.ts'
import { requireFinite } from '../files/require-finite.ts'
import { checkRunState } from './check-run-state.ts'
import { checkpointFile, checksumOf, folderAndName, type RunState } from './checkpoint.ts'

/**
 * Reads a checkpoint.
 * @param source The file's path, or files.
 * @param name Its name in files. @default 'checkpoint.safetensors'
 * @throws {FormatError | FileError} for damaged files, {CheckpointError} for a safetensors file that is not a
 * checkpoint, whose bytes are not those that were written, or a tensor that holds NaN or Infinity.
 */
export function loadCheckpoint(
  source: string | Files,
  name = checkpointFile,
): { tensors: Map<string, Tensor>; state: RunState } {
  const [folder, file] = folderAndName(source, name)
  const files = filesOf(folder)
  const path = placeOf(files, file)
  const { tensors, metadata } = readSafetensors(files, file)
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
