// Opens one file that is given by itself, or as the one of a name in a folder.

import { checkOptions, checkValue, string } from '@cola/graph/options'
import { DataError } from '../errors.ts'
import type { Files } from '../files/files.ts'
import { folderFiles } from '../files/folder.ts'
import { fileSystem, hasFiles, paths, requireFolders } from '../files/node.ts'
import { isPicked } from '../files/handles.ts'
import { addressOf } from './address-of.ts'
import { type FileSource, openFile } from './open-file.ts'
import { openFiles, type Source, sourceChecks, type SourceOptions } from './open-files.ts'
import { pathOf } from './path-of.ts'

/** A file that is open: its folder, and its name there. */
export interface FileIn {
  files: Files
  name: string
}

/**
 * Opens one file: by its path or address, as a person picked it, or the one of a name in a folder, wherever that lies.
 * A path or an address that ends as the name does is the file's.
 * @param name Its name in a folder; `*.safetensors` is the first that ends so, but not of a hub or an address.
 * @throws {DataError | HubError} naming what is not there, or cannot be reached; {ConfigError} for an option that is
 * unknown or out of its range.
 */
export async function openFileIn(
  source: FileSource | Source,
  name: string,
  options: SourceOptions = {},
): Promise<FileIn> {
  checkOptions('openFileIn', options, sourceChecks)
  checkValue('openFileIn, name', name, string)
  const given = pathOf(source)
  const ending = name.slice(name.lastIndexOf('.'))
  if (isPath(given) && (given.endsWith(ending) || (await isFile(given)))) return fileAt(given)
  const file = alone(given, ending)
  if (file !== undefined) return openFile(file, options)
  const files = await openFiles(given as Source, { ...options, files: [] })
  // Of a hub and of an address, the names that are known are those that were fetched before.
  const names = files.fetch && (typeof given === 'string' || given instanceof URL) ? [] : files.names()
  const found = name.startsWith('*') ? firstThatEnds(names, ending, files.where) : name
  await files.fetch?.([{ path: found }])
  return { files, name: found }
}

const isPath = (source: unknown): source is string => typeof source === 'string' && !addressOf(source)

/** Whether a path is that of a file that exists. */
async function isFile(path: string): Promise<boolean> {
  if (!hasFiles()) return false
  const { stat } = fileSystem().promises
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  )
}

function fileAt(path: string): FileIn {
  requireFolders(path, 'source')
  const { basename, dirname } = paths()
  return { files: folderFiles(dirname(path)), name: basename(path) }
}

/** What is a file by itself: an address that ends as one, and what was picked and is no zip of files. */
function alone(source: unknown, ending: string): FileSource | undefined {
  const address = addressOf(source)
  if (address) return address.pathname.endsWith(ending) ? address : undefined
  const [one, second] = isPicked(source) ? [source] : listed(source)
  return isPicked(one) && !second && !(one as Partial<File>).name?.endsWith('.zip') ? one : undefined
}

const listed = (source: unknown): unknown[] =>
  typeof source === 'object' && source !== null && 'length' in source ? Array.from(source as ArrayLike<unknown>) : []

function firstThatEnds(names: readonly string[], ending: string, where: string): string {
  const name = names.find((one) => one.endsWith(ending))
  if (name !== undefined) return name
  throw new DataError({
    where,
    what: `no ${ending} file`,
    found: names.slice(0, 12).join(', ') || 'no files',
    fix: 'Give the path or the address of the file itself.',
  })
}
