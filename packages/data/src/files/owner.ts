// The process that owns a temporary file, a temporary folder or a lock, by a text in its name or content. What no
// living process owns was left by one that was killed.

import { requireKind } from '@cola/graph/door'
import { fileSystem, paths, system } from './node.ts'

/** How long something of another machine, whose processes cannot be seen, lies untouched before it is taken as left. */
const abandonedAfter = 10 * 60 * 1000

const thisHost = (): string =>
  system()
    .hostname()
    .replaceAll(/[^\w-]/g, '_')

/** This process, as `PID@HOST`; without a host, the process is one of this machine. */
export const thisOwner = (): string => `${process.pid}@${thisHost()}`

/** When this process began, in milliseconds since 1970. */
const began = (): number => Date.now() - process.uptime() * 1000

/**
 * Whether the owner of what was last changed at `modified` is gone. A process id that is this one's but older than this
 * process is that of an earlier process: containers give each of their processes the same ids.
 */
export function isAbandoned(owner: string, modified: number): boolean {
  const [, pid, host = thisHost()] = /^(\d+)(?:@([\w-]+))?$/.exec(owner) ?? []
  if (pid === undefined) return false
  if (host !== thisHost()) return Date.now() - modified > abandonedAfter
  return Number(pid) === process.pid ? modified < began() - 1000 : !isAlive(Number(pid))
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as { code?: string }).code !== 'ESRCH'
  }
}

/**
 * Removes the entries of a folder whose owners are gone.
 * @param name Matches the names of such entries; its first group is the owner.
 */
export function sweep(folder: string, name: RegExp): void {
  requireKind('sweep, folder', folder, 'text')
  const fs = fileSystem()
  for (const entry of namesIn(folder)) {
    const owner = name.exec(entry)?.[1]
    if (owner === undefined) continue
    const path = paths().join(folder, entry)
    try {
      if (isAbandoned(owner, fs.lstatSync(path).mtimeMs)) fs.rmSync(path, { recursive: true, force: true })
    } catch {
      // Another process removed it first, or its folder is another user's.
    }
  }
}

function namesIn(folder: string): string[] {
  try {
    return fileSystem().readdirSync(folder)
  } catch {
    return []
  }
}
