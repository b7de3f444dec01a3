// A folder of the disk as files, in Node.

import { filesIn, sinkIn, storeIn } from '#disk'
import { requireKind } from '@cola/graph/door'
import { show } from '@cola/graph/options'
import { DataError } from '../errors.ts'
import type { Files, FileSink, FileStore } from './files.ts'
import { requireFolders, standIns } from './node.ts'

/** The files of a folder. Symbolic links are followed. @throws {DataError} outside Node. */
export function folderFiles(folder: string): Files {
  requirePath(folder, 'files')
  requireKind('folderFiles, folder', folder, 'text')
  return filesIn(folder)
}

/** Writes files below a folder, each as a whole or not at all. @throws {DataError} outside Node. */
export function folderSink(folder: string): FileSink {
  requirePath(folder, 'sink')
  return sinkIn(folder)
}

/** A folder that is both read and written. @throws {DataError} outside Node. */
export function folderStore(folder: string): FileStore {
  requirePath(folder, 'store')
  return storeIn(folder)
}

/** @throws {DataError} outside Node, for an address, and for an empty path, which Node reads as the current folder. */
function requirePath(folder: string, use: keyof typeof standIns): void {
  requireFolders(folder, use)
  const expected = 'the path of a folder'
  if (/^(file:|https?:\/\/)/i.test(folder))
    throw new DataError({
      where: folder,
      what: 'an address',
      expected,
      fix: 'Of a file: URL, write fileURLToPath(url).',
    })
  if (folder !== '') return
  const found = 'an empty text'
  throw new DataError({ where: 'folder', what: 'no path', expected, found, fix: "The current folder is '.'." })
}

/** Files of a path, or those that are open. @throws {DataError} for another value, and for a path outside Node. */
export function filesOf(folder: string | Files): Files {
  if (typeof folder === 'string') return folderFiles(folder)
  return isObjectWith(folder, 'read') ? folder : refuse(folder, 'the path of a folder, or files', standIns.files)
}

/** A sink for a path, or the one that is given. @throws {DataError} for another value, and for a path outside Node. */
export function sinkOf(folder: string | FileSink): FileSink {
  if (typeof folder === 'string') return folderSink(folder)
  return isObjectWith(folder, 'write') ? folder : refuse(folder, 'the path of a folder, or a sink', standIns.sink)
}

const isObjectWith = (value: unknown, method: string): boolean =>
  typeof value === 'object' && value !== null && typeof (value as Record<string, unknown>)[method] === 'function'

function refuse(value: unknown, expected: string, fix: string): never {
  throw new DataError({ where: 'folder', what: 'not a folder', expected, found: show(value), fix })
}
