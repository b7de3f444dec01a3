// Opens checkpoints, wherever they lie.

import { type FileSource, openFileIn, type Source, sourceChecks, type SourceOptions } from '@cola/data'
import { checkOptions } from '@cola/graph/options'
import { filesOf } from '../files/files.ts'
import { checkpointFile } from './checkpoint.ts'
import { type Checkpoint, readCheckpoint } from './read-checkpoint.ts'

/**
 * Reads a checkpoint: the file itself, by its path or address or as a person picked it, or the one of that name in a
 * folder, a repository on the hub, an address, picked files, a zip or bytes.
 * @param name Its name in a folder. @default 'checkpoint.safetensors'
 * @throws {FormatError | FileError | DataError | HubError} for files that are damaged or not there, {CheckpointError} for
 * a safetensors file that is not a checkpoint, whose bytes are not those that were written, or a tensor that holds NaN or
 * Infinity; {ConfigError} for an option that is unknown or out of its range.
 */
export async function loadCheckpoint(
  source: FileSource | Source,
  name: string = checkpointFile,
  options: SourceOptions = {},
): Promise<Checkpoint> {
  checkOptions('loadCheckpoint', options, sourceChecks)
  const opened = await openFileIn(source, name, options)
  return readCheckpoint(filesOf(opened.files), opened.name)
}
