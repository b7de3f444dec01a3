// A folder or a repository on the hub: which of them a name means, and what lies near a folder that is not there.

import { DataError } from '../errors.ts'

/** Names that the hub takes (huggingface_hub, utils/_validators.py). */
export const isRepoName = (name: string): boolean =>
  /^(\w([\w.-]{0,94}\w)?\/)?\w([\w.-]{0,94}\w)?$/.test(name) && !/--|\.\.|\.git$/.test(name)

/**
 * Whether a name is that of a folder that exists; otherwise it is one that the hub takes.
 * @throws {DataError} for a file, and for a path without a folder, naming what lies beside it.
 */
export async function isFolder(nameOrFolder: string): Promise<boolean> {
  const { stat } = await import('node:fs/promises')
  const found = await stat(nameOrFolder).catch(() => undefined)
  if (found?.isDirectory()) return true
  if (found)
    throw new DataError({ where: nameOrFolder, what: 'not a folder', expected: 'the folder that the file is in' })
  if (isRepoName(nameOrFolder)) return false
  const fix = nameOrFolder.startsWith('~') ? ' Node does not expand "~": write the path of your home folder.' : ''
  throw new DataError({
    where: JSON.stringify(nameOrFolder),
    what: 'no such folder',
    fix: `${await neighbours(nameOrFolder)}${fix}`,
  })
}

/** What lies where a folder was looked for, the nearest name first: a sentence. */
export async function neighbours(folder: string): Promise<string> {
  const { readdir } = await import('node:fs/promises')
  const { basename, dirname, join, resolve } = await import('node:path')
  const parent = dirname(folder)
  const names = await readdir(parent, { withFileTypes: true }).catch(() => undefined)
  if (!names)
    return resolve(parent) === resolve(folder)
      ? 'Check the path.'
      : `"${parent}" is not there either. ${await neighbours(parent)}`
  const wanted = basename(folder)
  const folders = names.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map(({ name }) => name)
  if (folders.length === 0) return `"${resolve(parent)}" has no folders.`
  const [nearest, ...rest] = folders
    .map((name) => ({ name, far: distance(name.toLowerCase(), wanted.toLowerCase()) }))
    .sort((a, b) => a.far - b.far)
  const list = [nearest, ...rest].slice(0, 6).map((entry) => entry?.name)
  const meant =
    nearest && nearest.far <= Math.max(2, wanted.length / 3) ? `Is "${join(parent, nearest.name)}" meant? ` : ''
  return `${meant}"${resolve(parent)}" has ${list.join(', ')}${folders.length > list.length ? ', ...' : ''}.`
}

/** Levenshtein's edit distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++)
      next.push(
        Math.min(
          (next[j - 1] as number) + 1,
          (row[j] as number) + 1,
          (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1),
        ),
      )
    row = next
  }
  return row[b.length] as number
}
