// Sends training artifacts to a worker as the bytes of their files.

import { type Files, memoryFiles, memorySink, type Source } from '@cola/data'
import { artifactNames, openArtifacts, saveArtifacts } from '../artifacts/artifact-files.ts'
import type { TrainingArtifacts } from '../artifacts/training-artifacts.ts'
import { FileError } from '../errors.ts'
import type { Thread } from './thread.ts'

/** Bytes of a message: the page copies them, and must not wait long. */
const part = 2 ** 24

/** Files of {@link saveArtifacts}: those of a source, which a page reads from where it is, or of artifacts in memory. */
export async function artifactFiles(source: Source | TrainingArtifacts): Promise<Files> {
  if (!isArtifacts(source)) return openArtifacts(source)
  const sink = memorySink('artifacts')
  saveArtifacts(sink, source)
  return memoryFiles(sink.written, 'artifacts')
}

const isArtifacts = (source: Source | TrainingArtifacts): source is TrainingArtifacts =>
  typeof source === 'object' && 'trainingModel' in source

/** Sends files part by part, so that timers of the page run in between. @throws {FileError} for no files. */
export async function sendFiles({ post }: Thread, files: Files): Promise<void> {
  // What was picked may be a folder with other files, too.
  const names = artifactNames.map(({ path }) => path).filter((name) => files.has(name))
  if (names.length === 0)
    throw new FileError({ where: files.where, what: 'no files', expected: 'the files of saveArtifacts' })
  for (const file of names) {
    const size = files.size(file)
    for (let at = 0; at < size || at === 0; at += part) {
      const bytes = files.read(file, at, Math.min(at + part, size)).slice()
      post({ file, size, at, bytes }, [bytes.buffer])
      await new Promise((resolve) => setTimeout(resolve))
    }
  }
}
