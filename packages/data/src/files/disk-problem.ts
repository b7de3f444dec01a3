// What the system says of a file that cannot be read or written, in words: what was expected, found, and what to do.

import type { Problem } from '../errors.ts'
import { fileSystem, paths } from './node.ts'

const permissions = 'Change the permissions, or choose a folder of your own.'
const space = 'Free some space, or choose a folder that can be written.'

/** What to do, by the system's code. */
const fixes: Readonly<Record<string, string>> = {
  EISDIR: 'Give the path of a file.',
  EACCES: permissions,
  EPERM: permissions,
  EROFS: 'Choose a folder that can be written.',
  ENOSPC: space,
  EDQUOT: space,
  EMFILE: 'Too many files are open: close some, or raise the limit with ulimit -n.',
}

/** A failure of the system as a problem of a file. @param what What could not be done. */
export function diskProblem(where: string, what: string, cause: unknown): Problem {
  const { code = '', message } = cause as Error & { code?: string }
  const fix = fixes[code]
  const problem = { where, what, found: message, ...(fix ? { fix } : {}) }
  if (code === 'EISDIR') return { ...problem, expected: 'a file', found: `a folder (${message})` }
  const file = code === 'ENOTDIR' || code === 'EEXIST' ? fileIn(where) : undefined
  if (file === undefined) return problem
  return { ...problem, expected: 'a folder', found: `the file ${file} (${message})`, fix: 'Choose another folder.' }
}

/** The part of a path that is a file. */
export function fileIn(path: string): string | undefined {
  const fs = fileSystem()
  if (fs.existsSync(path)) return fs.statSync(path).isDirectory() ? undefined : path
  return fileIn(paths().dirname(path))
}
