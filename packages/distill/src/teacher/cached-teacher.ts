// Logits kept on disk. A file is named by a hash of all that its numbers depend on, so it is never stale, and it is
// written as a whole or not at all, so two processes that write the same one do no harm.

import { float32, safetensorsChunks, toFloat32 } from '@cola/graph'
import { readSafetensorsFile } from '@cola/train'
import { fileSystem, paths, sha256, writeFileAtomic } from '@cola/train/files'
import { requireLogits } from './require-logits.ts'
import type { Split, Teacher } from './teacher.ts'

/** The file that holds a split's logits. */
function cacheFile(folder: string, fingerprint: string, { texts }: Split): string {
  return paths().join(folder, `${sha256([JSON.stringify([fingerprint, texts])])}.safetensors`)
}

/**
 * A teacher that computes each text's logits once and then reads them from `folder`.
 * A teacher without a fingerprint (a file of logits) comes back as it is. A damaged file is computed anew.
 * @throws {FileError} when the folder cannot be written, {FeedError} for a row with NaN or +Infinity, which is not
 * kept.
 */
export function cachedTeacher(teacher: Teacher, { folder }: { folder: string }): Teacher {
  const { fingerprint, ...others } = teacher
  if (!fingerprint) return teacher
  let key: string | undefined
  return {
    ...others,
    logits: async (split) => {
      key ??= await fingerprint()
      const path = cacheFile(folder, key, split)
      const kept = read(path, split)
      if (kept) return kept
      const logits = await teacher.logits(split)
      requireLogits(logits, { where: `teacher, split "${split.name}"`, rows: split.texts.length })
      const dims = [split.texts.length, logits.length / Math.max(1, split.texts.length)]
      writeFileAtomic(path, safetensorsChunks(new Map([['logits', float32(dims, logits)]])))
      return logits
    },
  }
}

function read(path: string, { texts }: Split): Float32Array | undefined {
  if (!fileSystem().existsSync(path)) return undefined
  try {
    const found = readSafetensorsFile(path).tensors.get('logits')
    const logits = found && toFloat32(found)
    if (logits) requireLogits(logits, { where: path, rows: texts.length })
    return logits
  } catch {
    return undefined // Damaged: by a disk, not by a writer.
  }
}
