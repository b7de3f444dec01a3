// Sends training artifacts to a worker as the bytes of their files.

import { type BytesByName, type Files, isFiles, memoryFiles, memorySink, openFiles } from '@cola/data'
import { artifactNames, saveArtifacts } from '../artifacts/artifact-files.ts'
import type { TrainingArtifacts } from '../artifacts/training-artifacts.ts'
import { FileError } from '../errors.ts'
import type { Thread } from './thread.ts'

/** Bytes of a message: the page copies them, and must not wait long. */
const part = 2 ** 24

/**
 * Files of {@link saveArtifacts}: those at an address, which a page reads from where it is, open ones, bytes by name, or
 * those of artifacts in memory.
 */
export async function artifactFiles(source: string | URL | Files | BytesByName | TrainingArtifacts): Promise<Files> {
  if (typeof source === 'string' || source instanceof URL) return openFiles(source, { files: artifactNames })
  if (isFiles(source)) return source
  if (!('trainingModel' in source)) return memoryFiles(source as BytesByName, 'artifacts')
  const sink = memorySink('artifacts')
  saveArtifacts(sink, source as TrainingArtifacts)
  return memoryFiles(sink.written, 'artifacts')
}

/** Sends files part by part, so that timers of the page run in between. @throws {FileError} for no files. */
export async function sendFiles({ post }: Thread, files: Files): Promise<void> {
  const names = files.names()
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
