// What is written never goes into the folder of a teacher. Loaded when something is written.

import type { DirectoryHandle, FileSink } from '@cola/data'
import { ConfigError } from '@cola/train'
import { hasFiles, paths } from '@cola/train/files'

/** @throws {ConfigError} for the folder of a teacher, whose files would be replaced. */
export function refuseTeacherFolder(call: string, target: string | FileSink | DirectoryHandle, teacher: unknown): void {
  if (typeof target !== 'string' || !hasFiles()) return
  const { resolve } = paths()
  const folder = [teacher].flat().find((one) => typeof one === 'string' && resolve(one) === resolve(target))
  if (folder === undefined) return
  throw new ConfigError({
    where: `${call}, folder ${target}`,
    what: 'the teacher lies there',
    fix: 'Choose another folder.',
  })
}
