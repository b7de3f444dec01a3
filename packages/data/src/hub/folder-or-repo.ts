// Decides whether a name is a folder or a repository of the hub, and suggests folders for a mistyped one.

import { editDistance, show } from '@cola/graph/options'
import { DataError } from '../errors.ts'
import { diskProblem, fileIn } from '../files/disk-problem.ts'
import { fileSystem, hasFiles, paths, standIns } from '../files/node.ts'

/** Whether a name is valid for a repository (huggingface_hub, utils/_validators.py). */
export const isRepoName = (name: string): boolean =>
  typeof name === 'string' && /^(\w([\w.-]{0,94}\w)?\/)?\w([\w.-]{0,94}\w)?$/.test(name) && !/--|\.\.|\.git$/.test(name)

const pathOrName = 'the path of a folder, or the name of a repository on the hub'

/**
 * Whether a name is an existing folder; if not, it is a valid repository name.
 * @throws {DataError} for a file, or for a path that is neither, with the folders beside it.
 */
export async function isFolder(nameOrFolder: string): Promise<boolean> {
  if (typeof nameOrFolder !== 'string')
    throw new DataError({
      where: 'model',
      what: 'no name',
      expected: pathOrName,
      found: show(nameOrFolder),
    })
  if (nameOrFolder === '')
    throw new DataError({
      where: 'model',
      what: 'no path',
      expected: pathOrName,
      found: 'an empty text',
      fix: "The current folder is '.'.",
    })
  const stats = hasFiles()
    ? await fileSystem()
        .promises.stat(nameOrFolder)
        .catch((cause) => {
          if (['ENOENT', 'ENOTDIR'].includes(cause.code)) return undefined
          throw new DataError(diskProblem(nameOrFolder, 'the folder could not be read', cause), { cause })
        })
    : undefined
  if (stats?.isDirectory()) return true
  if (stats)
    throw new DataError({
      where: nameOrFolder,
      what: 'not a folder',
      expected: 'the folder that the file is in',
      found: 'a file',
      fix: `Give "${paths().dirname(nameOrFolder)}".`,
    })
  if (isRepoName(nameOrFolder)) return false
  const [, page] = /^https?:\/\/[^/]+\/([^/?#]+\/[^/?#]+)/.exec(nameOrFolder) ?? []
  if (page)
    throw new DataError({
      where: JSON.stringify(nameOrFolder),
      what: 'an address',
      expected: 'the name of a repository',
      fix: `Write "${page}"; HF_ENDPOINT names another hub.`,
    })
  const fix = nameOrFolder.startsWith('~') ? ' Node does not expand "~": write the path of your home folder.' : ''
  throw new DataError({
    where: JSON.stringify(nameOrFolder),
    what: 'no such folder',
    fix: `${await neighbours(nameOrFolder)}${fix}`,
  })
}

/** A sentence that lists the folders beside a missing one, the most similar name first. */
export async function neighbours(folder: string): Promise<string> {
  if (!hasFiles()) return standIns.source
  const { readdir } = fileSystem().promises
  const { basename, dirname, join, resolve } = paths()
  const parent = dirname(folder)
  let code: unknown
  const names = await readdir(parent, { withFileTypes: true }).catch((cause) => {
    code = cause.code
    return undefined
  })
  if (code === 'ENOTDIR') return `"${fileIn(parent)}" is a file.`
  if (!names && code !== 'ENOENT') return `"${parent}" cannot be read.`
  if (!names)
    return resolve(parent) === resolve(folder)
      ? 'Check the path.'
      : `"${parent}" is not there either. ${await neighbours(parent)}`
  const missing = basename(folder)
  const folders = names.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map(({ name }) => name)
  if (folders.length === 0) return `"${resolve(parent)}" has no folders.`
  const [nearest, ...rest] = folders
    .map((name) => ({ name, edits: editDistance(name.toLowerCase(), missing.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits)
  const list = [nearest, ...rest].slice(0, 6).map((entry) => entry?.name)
  const isSimilar = nearest && nearest.edits <= Math.max(2, missing.length / 3)
  const suggestion = isSimilar ? `Did you mean "${join(parent, nearest.name)}"? ` : ''
  return `${suggestion}"${resolve(parent)}" has ${list.join(', ')}${folders.length > list.length ? ', ...' : ''}.`
}
