// What is written never goes into the folder that something else was read from.

import { type DirectoryHandle, type Files, type FileSink, hasFiles, pathOf } from '@cola/data'
import { ConfigError } from '../errors.ts'
import { fileSystem, paths } from './builtins.ts'

/**
 * Refuses a target that is the folder of something that was opened, whose files would be replaced.
 * @param sources Paths, `file:` URLs, open files or lists of these, by what lies there in words; others have no folder.
 * @throws {ConfigError} naming the folder and what lies there.
 */
export function refuseFolderOf(
  call: string,
  target: string | FileSink | DirectoryHandle,
  sources: Readonly<Record<string, unknown>>,
): void {
  if (typeof target !== 'string' || !hasFiles()) return
  const place = realPath(target)
  const found = Object.entries(sources).find(([, source]) => [source].flat().some((one) => liesIn(place, one)))
  if (!found) return
  throw new ConfigError({
    where: `${call}, folder ${target}`,
    what: `${found[0]} lies there, whose files would be replaced`,
    fix: 'Choose another folder.',
  })
}

/** Repositories have their ONNX files in a folder of theirs. */
function liesIn(place: string, source: unknown): boolean {
  const path = pathOf((source as Partial<Files> | undefined)?.path?.('') ?? (source as string))
  if (typeof path !== 'string') return false
  const folder = realPath(path)
  return place === folder || (place === paths().join(folder, 'onnx') && fileSystem().existsSync(place))
}

/** Without symbolic links, as far as the path exists. */
function realPath(path: string): string {
  const whole = paths().resolve(path)
  return fileSystem().existsSync(whole) ? fileSystem().realpathSync(whole) : whole
}
