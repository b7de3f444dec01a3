// Work that one test file at a time does: a build of what several of them use.

import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { root } from './root.ts'

const tenMinutes = 600_000

/** Runs work while no other process runs work of this name. */
export async function alone<T>(name: string, work: () => T | Promise<T>): Promise<T> {
  const lock = join(root, 'out', `${name}.lock`)
  mkdirSync(join(root, 'out'), { recursive: true })
  while (!taken(lock)) await setTimeout(200)
  try {
    return await work()
  } finally {
    rmSync(lock)
  }
}

function taken(lock: string): boolean {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' })
    return true
  } catch {
    if (isLeft(lock)) rmSync(lock, { force: true })
    return false
  }
}

/** Whether a process that has ended left the lock behind; one that is ten minutes old was left by a machine that had. */
function isLeft(lock: string): boolean {
  const made = statSync(lock, { throwIfNoEntry: false })?.mtimeMs
  if (made === undefined) return false
  if (Date.now() - made > tenMinutes) return true
  try {
    // 0 signals nobody: the process itself, while the file is still empty.
    process.kill(Number(readFileSync(lock, 'utf8')), 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}
