// Logits kept in files. A file is named by a hash of all that its numbers depend on, so it is never stale, and it is
// written as a whole or not at all, so two processes that write the same one do no harm.

import { requireKind } from '@cola/graph/door'
import { type Check, checkOptions, object, requireOptions, text } from '@cola/graph/options'
import { type FileStore, placeOf } from '@cola/data'
import { float32, safetensorsChunks, toFloat32 } from '@cola/graph'
import { flush, readSafetensors, sha256, storeOf } from '@cola/train/files'
import { requireLogits } from './require-logits.ts'
import type { Split, Teacher } from './teacher.ts'

/** The file that holds a split's logits. */
const cacheFile = (fingerprint: string, { texts }: Split): string =>
  `${sha256([JSON.stringify([fingerprint, texts])])}.safetensors`

const folder: Check = ['a path, or a store', (value) => text[1](value) || object[1](value)]

/**
 * A teacher that computes each text's logits once and then reads them from `folder`, a path or a store.
 * A teacher without a fingerprint (a file of logits) comes back as it is. A damaged file is computed anew.
 * @throws {FileError} when the folder cannot be written, {FeedError} for a row with NaN or +Infinity, which is not
 * kept; {ConfigError} for an option that is unknown or missing.
 */
export function cachedTeacher(teacher: Teacher, options: { folder: string | FileStore }): Teacher {
  checkOptions('cachedTeacher', options, { folder })
  requireOptions('cachedTeacher', options, { folder }, ['folder'])
  requireKind('cachedTeacher, teacher', teacher, 'object')
  const { fingerprint, ...others } = teacher
  if (!fingerprint) return teacher
  const store = storeOf(options.folder)
  let key: string | undefined
  return {
    ...others,
    logits: async (split) => {
      key ??= await fingerprint()
      const name = cacheFile(key, split)
      const kept = read(store, name, split)
      if (kept) return kept
      const logits = await teacher.logits(split)
      requireLogits(logits, { where: `teacher, split "${split.name}"`, rows: split.texts.length })
      const dims = [split.texts.length, logits.length / Math.max(1, split.texts.length)]
      store.write(name, safetensorsChunks(new Map([['logits', float32(dims, logits)]])))
      await flush(store)
      return logits
    },
  }
}

function read(store: FileStore, name: string, { texts }: Split): Float32Array | undefined {
  if (!store.has(name)) return undefined
  try {
    const found = readSafetensors(store, name).tensors.get('logits')
    const logits = found && toFloat32(found)
    if (logits) requireLogits(logits, { where: placeOf(store, name), rows: texts.length })
    return logits
  } catch {
    return undefined // Damaged: by a disk, not by a writer.
  }
}
