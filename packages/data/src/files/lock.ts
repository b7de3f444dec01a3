// A lock as a file that names its process: created only if it does not exist, and taken over from a process that is
// gone.

import { DataError } from '../errors.ts'
import { diskProblem } from './disk-problem.ts'
import type { Lock } from './files.ts'
import { fileSystem, paths } from './node.ts'
import { isAbandoned, thisOwner } from './owner.ts'

/**
 * Creates a lock file.
 * @throws {DataError} when a living process holds it, or it cannot be written.
 */
export function lockFile(path: string): Lock {
  const fs = fileSystem()
  // The rest tells two locks of one process apart.
  const content = `${thisOwner()} ${Math.random().toString(36).slice(2)}`
  try {
    fs.mkdirSync(paths().dirname(path), { recursive: true })
    for (let attempts = 0; !create(path, content); attempts++) {
      const holder = holderOf(path)
      if (holder && (attempts > 3 || !isAbandoned(holder.owner, holder.modified))) refuse(path, holder.owner)
      if (holder) takeAway(path, holder.content)
    }
  } catch (cause) {
    if (cause instanceof DataError) throw cause
    throw new DataError(diskProblem(path, 'the lock could not be written', cause), { cause })
  }
  return {
    touch() {
      const now = new Date()
      // A lock that a person removed is not made again.
      if (fs.existsSync(path)) fs.utimesSync(path, now, now)
    },
    release() {
      if (holderOf(path)?.content === content) fs.rmSync(path, { force: true })
    },
  }
}

/** Whether the file did not exist. */
function create(path: string, content: string): boolean {
  const fs = fileSystem()
  // A link appears with its content, where a file that is written later could be read empty.
  const own = `${path}.${content.replaceAll(' ', '-')}.tmp`
  try {
    fs.writeFileSync(own, content, { flag: 'wx' })
    if (!link(own, path)) fs.writeFileSync(path, content, { flag: 'wx' })
    return true
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
    return false
  } finally {
    fs.rmSync(own, { force: true })
  }
}

/** What file systems without hard links say, such as exFAT. */
const noLinks = ['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP']

/** Whether the file system has hard links, and the file has one more. */
function link(from: string, to: string): boolean {
  try {
    fileSystem().linkSync(from, to)
    return true
  } catch (error) {
    if (noLinks.includes(String(codeOf(error)))) return false
    throw error
  }
}

const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code

interface Holder {
  content: string
  owner: string
  modified: number
}

function holderOf(path: string): Holder | undefined {
  const fs = fileSystem()
  try {
    const content = fs.readFileSync(path, 'utf8')
    return { content, owner: content.split(' ')[0] as string, modified: fs.statSync(path).mtimeMs }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Removes a lock that was left, unless another process has taken it over meanwhile. */
function takeAway(path: string, content: string): void {
  const fs = fileSystem()
  const aside = `${path}.${thisOwner()}-left.tmp`
  try {
    fs.renameSync(path, aside)
  } catch {
    return
  }
  if (fs.readFileSync(aside, 'utf8') !== content && !link(aside, path)) fs.renameSync(aside, path)
  fs.rmSync(aside, { force: true })
}

function refuse(path: string, owner: string): never {
  throw new DataError({
    where: path,
    what: 'another run is writing to this folder',
    expected: 'one run at a time',
    found: `process ${owner}`,
    fix: 'Wait for it to end, or choose another folder. If no such process runs, remove this file.',
  })
}
